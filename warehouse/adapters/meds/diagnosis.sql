-- Diagnoses with their ICD code.
SELECT subject_id AS patient_id, split_part(target, '//', 1) AS vocabulary, split_part(target, '//', 2) AS code, happened_at AS recorded_at
FROM made_event
WHERE role = 'diagnosis'
