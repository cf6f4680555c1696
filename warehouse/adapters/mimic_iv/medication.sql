-- Prescriptions of a drug of a class. The dose is a single one, not a day's: left out.
SELECT
    as_whole(subject_id) AS patient_id,
    drug_class,
    NULL AS dose,
    NULL AS unit,
    CAST(starttime AS VARCHAR) AS started_at,
    CAST(stoptime AS VARCHAR) AS ended_at
FROM raw_prescriptions AS prescriptions
JOIN made_drug_class AS classed ON classed.drug = lower(prescriptions.drug)
