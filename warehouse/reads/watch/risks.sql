-- The champion's risks of the latest studies, and of sealed patients' studies before: no model learnt from either, and the
-- sealed are drawn by chance. `watched_study` comes from definitions/watched_study.sql.
SELECT
    watched_study.study_key,
    watched_study.patient_key,
    watched_study.is_recent,
    risk_score.risk AS "risk of death",
    risk_score.model AS "model that gave it",
    risk_score.clips AS "clips scored"
FROM watched_study
JOIN risk_score USING (study_key)
LEFT JOIN cohort USING (study_key)
WHERE watched_study.is_recent OR cohort.role = 'sealed'
ORDER BY watched_study.study_key;
