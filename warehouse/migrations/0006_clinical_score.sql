-- Published clinical scores of every study.
CREATE TABLE clinical_score (
    study_key VARCHAR NOT NULL,
    score VARCHAR NOT NULL,         -- 'pce', 'prevent', 'shfm' or 'maggic'
    value DOUBLE,                   -- as published: risk, risk, score, points; null: see reason
    logit DOUBLE,                   -- log odds of its probability: ten-year risk (pce, prevent), one-year death (others)
    applicable BOOLEAN NOT NULL,    -- shfm, maggic: heart failure on record at the study
    reason VARCHAR                  -- kinds of trouble and their inputs: 'missing:tc+hdl;out_of_range:age'
);
ALTER TABLE feature ADD COLUMN nyha DOUBLE;
ALTER TABLE feature ADD COLUMN diastolic_grade DOUBLE;
-- How many echo values were filled from other studies of the patient.
CREATE TABLE feature_filled (variable VARCHAR NOT NULL, how VARCHAR NOT NULL, count BIGINT NOT NULL);
