-- The labelled studies of $patients that models learn from.
SELECT study_key FROM cohort WHERE role = 'development' AND list_contains($patients, patient_key) ORDER BY study_key;
