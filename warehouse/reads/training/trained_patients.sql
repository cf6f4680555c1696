-- The patients that models are trained on.
SELECT DISTINCT patient_key FROM cohort WHERE role = 'development' ORDER BY patient_key;
