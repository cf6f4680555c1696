-- OMOP has one row a person: numbers were joined before.
SELECT NULL AS patient_id, NULL AS same_as
WHERE false
