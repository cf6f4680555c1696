-- The pseudonym of the institution that a file's header names, and with it the scanner's vendor: groups of studies by site
-- and vendor. They are part of the linkage, so that a file whose time of change alone is new changes no group.
ALTER TABLE dicom_instance ADD COLUMN site_key VARCHAR;
ALTER TABLE instance_link ADD COLUMN site_key VARCHAR;
ALTER TABLE instance_link ADD COLUMN vendor VARCHAR;
