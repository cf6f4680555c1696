-- Counts record numbers that belong to a person with another number.
INSERT INTO conflict
SELECT 'identity', 'MERGED_RECORD_NUMBER', count(*) - count(DISTINCT patient_key), 'noted', min(patient_key)
FROM person
HAVING count(*) > count(DISTINCT patient_key);
