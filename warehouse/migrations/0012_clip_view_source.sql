-- Where the view of a clip was read, as in dicom_instance: what names the untagged clips reads `clip` alone, so that a
-- file whose time of change is new, but which gives the same clip, makes nothing after the clips stale.
ALTER TABLE clip ADD COLUMN view_source VARCHAR;
