-- The pseudonym of the institution that a file's header names: groups of studies by site, without its name.
ALTER TABLE dicom_instance ADD COLUMN site_key VARCHAR;
