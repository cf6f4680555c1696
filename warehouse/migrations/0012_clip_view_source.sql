-- The source of a clip's view, as in dicom_instance. Asset clip_views reads only table clip, so that a file with a new
-- time of change and the same clip makes nothing below the clips stale.
ALTER TABLE clip ADD COLUMN view_source VARCHAR;
