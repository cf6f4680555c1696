-- The champion's risks, one row a study, in the order of their keys; with the key of the patient.
SELECT
    risk_score.study_key, study.patient_key, risk_score.champion, risk_score.model, risk_score.clips, risk_score.risk,
    risk_score.low, risk_score.high, risk_score.logit, risk_score.beyond, risk_score.in_development
FROM risk_score
JOIN study USING (study_key)
ORDER BY risk_score.study_key
