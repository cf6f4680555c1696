-- Evidence of life.
SELECT patient_id, contact_at, kind, status
FROM raw_contact
