-- Drugs by the beginning of their ATC code.
SELECT
    mrn AS patient_id,
    drug_class,
    decimal_comma(per_day_mg) AS dose,
    'mg/d' AS unit,
    day_first(from_day) AS started_at,
    day_first(to_day) AS ended_at
FROM raw_prescriptions
JOIN map_drugs ON starts_with(raw_prescriptions.atc, map_drugs.atc)
