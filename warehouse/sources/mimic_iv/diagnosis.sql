-- Diagnoses are coded after discharge: known at the end of their admission, never in it.
SELECT
    CAST(coded.subject_id AS VARCHAR) AS patient_id,
    'ICD' || TRY_CAST(icd_version AS INTEGER) || 'CM' AS vocabulary,
    icd_code AS code,
    CAST(dischtime AS VARCHAR) AS recorded_at
FROM raw_diagnoses_icd AS coded
LEFT JOIN raw_admissions AS admissions ON CAST(admissions.hadm_id AS VARCHAR) = CAST(coded.hadm_id AS VARCHAR)
