-- The pseudonyms of studies are all different, so they can't be compressed. Trying takes longer than all other work of
-- writing an outcome.
CREATE TABLE plain_study (
    study_key VARCHAR USING COMPRESSION uncompressed NOT NULL,
    patient_key VARCHAR NOT NULL,
    study_at TIMESTAMP,
    study_year INTEGER,             -- the true calendar year, for temporal validation
    setting VARCHAR,
    modality VARCHAR
);
INSERT INTO plain_study FROM study;
DROP TABLE study;
ALTER TABLE plain_study RENAME TO study;

CREATE TABLE plain_outcome (
    study_key VARCHAR USING COMPRESSION uncompressed NOT NULL,
    patient_key VARCHAR USING COMPRESSION uncompressed NOT NULL,
    days INTEGER,                   -- whole days from the study to death, else to the last evidence of life
    event BOOLEAN,
    label INTEGER,
    reason VARCHAR                  -- why there is no label
);
INSERT INTO plain_outcome FROM outcome;
DROP TABLE outcome;
ALTER TABLE plain_outcome RENAME TO outcome;
