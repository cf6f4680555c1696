-- The labelled studies of $patients that models learn from.
SELECT study_key FROM cohort WHERE role = 'development' AND patient_key IN (SELECT unnest($patients::VARCHAR[])) ORDER BY study_key;
