-- Numbers with their unit and time, in an echocardiogram (study_id) or outside one.
SELECT patient_id, study_id, variable, value, unit, measured_at
FROM raw_measurement
