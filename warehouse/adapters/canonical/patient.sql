-- Record numbers and what is known of the person behind each.
SELECT patient_id, birth_date, sex, race
FROM raw_patient
