-- A flag without a day is a death of unknown date.
SELECT mrn AS patient_id, day_first(deceased_on) AS death_date, 'record' AS source
FROM raw_patients
WHERE deceased = 'Y' OR deceased_on IS NOT NULL
