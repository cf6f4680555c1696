-- The problem list, by the day of entry.
SELECT mrn AS patient_id, 'ICD10GM' AS vocabulary, icd10 AS code, day_first(entered) AS recorded_at
FROM raw_problems
