-- Where dates are kept, every patient's calendar is the true one.
CREATE OR REPLACE TEMP TABLE patient_offset AS
SELECT patient_key, 0 AS shift FROM patient
UNION ALL
SELECT DISTINCT patient_key, 0 FROM study ANTI JOIN patient USING (patient_key)
