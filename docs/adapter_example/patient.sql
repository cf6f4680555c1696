-- Persons; the sex is coded by number here.
SELECT
    mrn AS patient_id,
    day_first(dob) AS birth_date,
    CASE sex_code WHEN '1' THEN 'M' WHEN '2' THEN 'F' END AS sex,
    NULL AS race
FROM raw_patients
