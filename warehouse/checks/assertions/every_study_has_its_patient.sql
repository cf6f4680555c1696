-- asset: study
-- also: patient
-- never: A study without its patient.
-- Rows of the health-record tables without a row in table patient.
SELECT count(*) AS offending
FROM (
    SELECT patient_key FROM study
    UNION ALL
    SELECT patient_key FROM death
    UNION ALL
    SELECT patient_key FROM contact
    UNION ALL
    SELECT patient_key FROM measurement
    UNION ALL
    SELECT patient_key FROM diagnosis
    UNION ALL
    SELECT patient_key FROM medication
) AS row
ANTI JOIN patient USING (patient_key)
