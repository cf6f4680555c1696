-- The same rules at several horizons (setting outcome.horizons, and always outcome.horizon_days, of which the tables outcome
-- and cohort are): one row for each study and horizon.
CREATE TABLE outcome_at_horizon (
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    horizon_days INTEGER NOT NULL,  -- days from the study within which a death is an event
    label INTEGER,                  -- as in outcome
    reason VARCHAR                  -- as in outcome
);
-- The labelled studies of each horizon that take part; a patient has one role and fold at all horizons.
CREATE TABLE cohort_at_horizon (
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    horizon_days INTEGER NOT NULL,
    role VARCHAR NOT NULL,          -- as in cohort
    fold INTEGER NOT NULL,          -- as in cohort
    label INTEGER NOT NULL,
    headline BOOLEAN NOT NULL       -- one study a patient, drawn among those that are labelled at this horizon
);

-- For the checks: variables whose value from outside the study may be later than it (setting features.outside_values:
-- nearest), and by how many days at most; empty if none may be. And the latest such value of each study.
CREATE TABLE feature_outside (variable VARCHAR NOT NULL, days INTEGER NOT NULL);
ALTER TABLE feature_evidence ADD COLUMN latest_outside_at TIMESTAMP;
