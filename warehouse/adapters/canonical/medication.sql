-- Drugs by class.
SELECT patient_id, drug_class, dose, unit, started_at, ended_at
FROM raw_medication
