-- Every record number in the extract's patient table.
SELECT DISTINCT as_text(patient_id) AS patient_id
FROM source_patient
WHERE as_text(patient_id) IS NOT NULL
ORDER BY patient_id
