-- The variables of each study. `watched_study` comes from definitions/watched_study.sql.
SELECT watched_study.patient_key, watched_study.is_recent, feature.*
FROM watched_study
JOIN feature USING (study_key)
ORDER BY watched_study.study_key;
