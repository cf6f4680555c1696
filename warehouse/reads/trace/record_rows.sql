-- How many staged rows of the health records the patients of $studies have, by table.
WITH patients AS (SELECT DISTINCT patient_key FROM study WHERE study_key IN (SELECT unnest($studies::VARCHAR[])))
SELECT 'patient' AS table_name, count(*) AS rows FROM patient SEMI JOIN patients USING (patient_key)
UNION ALL SELECT 'study', count(*) FROM study SEMI JOIN patients USING (patient_key)
UNION ALL SELECT 'death', count(*) FROM death SEMI JOIN patients USING (patient_key)
UNION ALL SELECT 'contact', count(*) FROM contact SEMI JOIN patients USING (patient_key)
UNION ALL SELECT 'measurement', count(*) FROM measurement SEMI JOIN patients USING (patient_key)
UNION ALL SELECT 'diagnosis', count(*) FROM diagnosis SEMI JOIN patients USING (patient_key)
UNION ALL SELECT 'medication', count(*) FROM medication SEMI JOIN patients USING (patient_key)
ORDER BY table_name;
