-- One subject is one person.
SELECT NULL AS patient_id, NULL AS same_as
WHERE false
