-- The view of every accepted clip, and its source: a tag, the site's view table, or the classifier.
CREATE TABLE clip_view (
    clip_key VARCHAR NOT NULL,
    study_key VARCHAR NOT NULL,
    view VARCHAR NOT NULL,
    view_source VARCHAR NOT NULL    -- as in dicom_instance, or 'classifier', or 'none'
);
