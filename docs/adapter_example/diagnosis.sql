-- The problem list, by the day of entry.
SELECT mrn AS patient_id, 'ICD10CM' AS vocabulary, icd10 AS code, entered AS recorded_at
FROM raw_problems
