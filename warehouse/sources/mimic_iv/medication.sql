-- Prescriptions of a drug that holds an ingredient of a class. The dose is a single one, not a day's: left out.
WITH classed AS (
    SELECT DISTINCT lower(drug) AS drug, drug_class
    FROM (SELECT DISTINCT drug FROM raw_prescriptions) AS prescribed
    JOIN map_ingredients ON contains(lower(prescribed.drug), ingredient)
)
SELECT
    CAST(subject_id AS VARCHAR) AS patient_id,
    drug_class,
    NULL AS dose,
    NULL AS unit,
    CAST(starttime AS VARCHAR) AS started_at,
    CAST(stoptime AS VARCHAR) AS ended_at
FROM raw_prescriptions AS prescriptions
JOIN classed ON classed.drug = lower(prescriptions.drug)
