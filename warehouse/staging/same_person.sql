-- Pairs of record numbers of one person.
SELECT DISTINCT patient_id, same_as
FROM source_identity
WHERE patient_id IS NOT NULL AND same_as IS NOT NULL
ORDER BY ALL
