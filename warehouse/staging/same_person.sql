-- Pairs of record numbers of one person.
SELECT DISTINCT as_text(patient_id) AS patient_id, as_text(same_as) AS same_as
FROM source_identity
WHERE as_text(patient_id) IS NOT NULL AND as_text(same_as) IS NOT NULL
ORDER BY ALL
