-- Prescriptions of drugs that have a class. The dose is that of one administration, not of a day, and is left out. An
-- order of a hospital without an end ends with the admission.
SELECT
    as_whole(prescriptions.subject_id) AS patient_id,
    drug_class,
    NULL AS dose,
    NULL AS unit,
    CAST(starttime AS VARCHAR) AS started_at,
    coalesce(CAST(stoptime AS VARCHAR), CAST(dischtime AS VARCHAR)) AS ended_at
FROM raw_prescriptions AS prescriptions
JOIN made_drug_class AS classed ON classed.drug = lower(prescriptions.drug)
LEFT JOIN raw_admissions AS admissions
    ON as_whole(admissions.hadm_id) = as_whole(prescriptions.hadm_id)
    AND as_whole(admissions.subject_id) = as_whole(prescriptions.subject_id)
