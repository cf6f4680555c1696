-- The same as studies.sql, at another horizon.
SELECT study_key, patient_key, fold, label, headline
FROM cohort_at_horizon
WHERE role = 'development' AND horizon_days = $horizon_days
ORDER BY study_key;
