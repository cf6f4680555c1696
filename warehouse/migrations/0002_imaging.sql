-- What decides whether a file must be decoded again: its name's, size's and time's digest.
ALTER TABLE dicom_instance ADD COLUMN stamp VARCHAR;
-- Every readable file with the study and the patient that the health records know it by, or why there is none.
CREATE TABLE instance_link (
    instance_key VARCHAR NOT NULL,
    study_key VARCHAR,
    patient_key VARCHAR,
    status VARCHAR NOT NULL,        -- 'accepted' or 'rejected'
    reason VARCHAR
);
