-- Evidence of life.
SELECT patient_id, contact_at, kind
FROM raw_contact
