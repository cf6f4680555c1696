-- Resources that are not read: of another type than the first of their file, older versions, and those within others
-- that nothing reads (contained.sql).
WITH resource AS (
    SELECT 'patient' AS table_name, 'Patient' AS expected, resourcetype, id FROM raw_patient
    UNION ALL
    SELECT 'contact', 'Encounter', resourcetype, id FROM raw_encounter
    UNION ALL
    SELECT 'measurement', 'Observation', resourcetype, id FROM raw_observation
    UNION ALL
    SELECT 'diagnosis', 'Condition', resourcetype, id FROM raw_condition
    UNION ALL
    SELECT 'medication', 'MedicationStatement', resourcetype, id FROM raw_medicationstatement
    UNION ALL
    SELECT 'medication', 'MedicationRequest', resourcetype, id FROM raw_medicationrequest
    UNION ALL
    SELECT 'medication', 'Medication', resourcetype, id FROM raw_medication
    UNION ALL
    SELECT 'study', 'Procedure', resourcetype, id FROM raw_procedure
    UNION ALL
    SELECT 'study', 'ImagingStudy', resourcetype, id FROM raw_imagingstudy
    UNION ALL
    SELECT 'study', 'DiagnosticReport', resourcetype, id FROM raw_diagnosticreport
)
SELECT table_name, 'OLDER_VERSION' AS reason, count(id) - count(DISTINCT id) AS rows
FROM resource
WHERE resourcetype = expected
GROUP BY table_name, expected
UNION ALL
SELECT table_name, 'RESOURCE_OF_ANOTHER_TYPE', count(*)
FROM resource
WHERE resourcetype IS DISTINCT FROM expected
GROUP BY table_name
UNION ALL
SELECT
    CASE type
        WHEN 'Condition' THEN 'diagnosis'
        WHEN 'MedicationStatement' THEN 'medication'
        WHEN 'MedicationRequest' THEN 'medication'
        ELSE 'study'
    END,
    'CONTAINED_RESOURCE_NOT_READ',
    count(*)
FROM made_contained
WHERE type IN ('Condition', 'MedicationStatement', 'MedicationRequest', 'Procedure', 'ImagingStudy', 'DiagnosticReport')
GROUP BY ALL
