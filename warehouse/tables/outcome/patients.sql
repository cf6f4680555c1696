-- Everybody who has a row of their own or a study.
SELECT patient_key FROM patient
UNION
SELECT patient_key FROM study
ORDER BY patient_key
