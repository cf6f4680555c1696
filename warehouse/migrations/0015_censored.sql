-- Studies without a label only because their follow-up ends too early. No model is trained on them; they are scored out of
-- fold, for the figures that allow for censoring. `days` and `event` are known: `event` is a death within a window that is
-- incomplete.
CREATE TABLE censored (
    study_key VARCHAR NOT NULL,
    patient_key VARCHAR NOT NULL,
    role VARCHAR NOT NULL,          -- as in cohort
    fold INTEGER NOT NULL,          -- as in cohort
    days INTEGER NOT NULL,
    event BOOLEAN NOT NULL,
    followed_headline BOOLEAN NOT NULL
);
-- The one study a patient that the figures that allow for censoring use: drawn among all, labelled or not.
ALTER TABLE cohort ADD COLUMN followed_headline BOOLEAN;

CREATE VIEW followed AS
SELECT study_key, patient_key, role, fold, label, days, event, headline, followed_headline
FROM cohort
UNION ALL
SELECT study_key, patient_key, role, fold, NULL, days, event, false, followed_headline
FROM censored;
