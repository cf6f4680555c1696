-- Record numbers that turned out to be another number of a known person.
INSERT INTO conflict
SELECT 'identity', 'MERGED_RECORD_NUMBER', count(*) - count(DISTINCT patient_key), 'noted', min(patient_key)
FROM person
HAVING count(*) > count(DISTINCT patient_key);
