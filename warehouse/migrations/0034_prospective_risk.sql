-- Every risk that a champion gave a study before its outcome was known: rows are only added, never changed or deleted,
-- so that the champion can be judged later by what it said then. Their order is the order of scoring; it has no day,
-- which would give away the day of the study.
CREATE SEQUENCE prospective_number;
CREATE TABLE prospective_risk (
    number BIGINT PRIMARY KEY DEFAULT nextval('prospective_number'),
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    champion VARCHAR NOT NULL,      -- as in risk_score
    model VARCHAR NOT NULL,
    clips INTEGER NOT NULL,
    logit DOUBLE NOT NULL,
    risk DOUBLE NOT NULL,
    in_development BOOLEAN NOT NULL
);
