-- The digest of a file's name, size and time of change: the file is decoded again if it differs.
ALTER TABLE dicom_instance ADD COLUMN stamp VARCHAR;
-- Every readable file with its study and patient in the health records, or the reason why it has none.
CREATE TABLE instance_link (
    instance_key VARCHAR NOT NULL,
    study_key VARCHAR,
    patient_key VARCHAR,
    status VARCHAR NOT NULL,        -- 'accepted' or 'rejected'
    reason VARCHAR
);
