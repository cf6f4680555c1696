-- All patients in table patient or study.
SELECT patient_key FROM patient
UNION
SELECT patient_key FROM study
ORDER BY patient_key
