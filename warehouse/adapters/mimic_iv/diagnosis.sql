-- Diagnoses are coded after discharge, so they are known at the end of their admission and not before.
SELECT
    as_whole(coded.subject_id) AS patient_id,
    'ICD' || as_whole(icd_version) || 'CM' AS vocabulary,
    icd_code AS code,
    CAST(dischtime AS VARCHAR) AS recorded_at
FROM raw_diagnoses_icd AS coded
LEFT JOIN raw_admissions AS admissions
    ON as_whole(admissions.hadm_id) = as_whole(coded.hadm_id)
    AND as_whole(admissions.subject_id) = as_whole(coded.subject_id)
