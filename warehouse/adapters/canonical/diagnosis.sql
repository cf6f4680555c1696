-- Coded diagnoses with the day they were recorded.
SELECT patient_id, vocabulary, code, recorded_at
FROM raw_diagnosis
