-- OMOP has one row for each person: record numbers were already merged.
SELECT NULL AS patient_id, NULL AS same_as
WHERE false
