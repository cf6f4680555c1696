-- The view of every accepted clip, and where it was read: a tag, a table of the site's, or the clip's own pixels.
CREATE TABLE clip_view (
    clip_key VARCHAR NOT NULL,
    study_key VARCHAR NOT NULL,
    view VARCHAR NOT NULL,
    view_source VARCHAR NOT NULL    -- as in dicom_instance, or 'classifier', or 'none'
);
