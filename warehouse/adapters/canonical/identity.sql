-- Pairs of record numbers that belong to one person.
SELECT patient_id, same_as
FROM raw_identity
