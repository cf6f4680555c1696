-- Every record number in the extract's patient table.
SELECT DISTINCT patient_id
FROM source_patient
WHERE patient_id IS NOT NULL
ORDER BY patient_id
