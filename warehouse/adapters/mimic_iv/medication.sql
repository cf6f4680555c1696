-- Prescriptions of drugs that have a class. The dose is that of one administration, not of a day, and is left out.
SELECT
    as_whole(subject_id) AS patient_id,
    drug_class,
    NULL AS dose,
    NULL AS unit,
    CAST(starttime AS VARCHAR) AS started_at,
    CAST(stoptime AS VARCHAR) AS ended_at
FROM raw_prescriptions AS prescriptions
JOIN made_drug_class AS classed ON classed.drug = lower(prescriptions.drug)
