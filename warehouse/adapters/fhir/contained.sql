-- Resources within resources (contained), of the newest version of their owner: nothing else can name them, and where
-- they say nothing of a patient or a time they are of the owner's. A contained Medication, Encounter, Observation or
-- Patient is read where its owner names it (#id).
WITH owner AS (
    SELECT 'Encounter' AS type, id, meta, subject, contained FROM raw_encounter
    UNION ALL BY NAME
    SELECT 'Observation' AS type, id, meta, subject, contained, effectivedatetime, issued FROM raw_observation
    UNION ALL BY NAME
    SELECT 'Condition' AS type, id, meta, subject, contained FROM raw_condition
    UNION ALL BY NAME
    SELECT 'MedicationStatement' AS type, id, meta, subject, contained FROM raw_medicationstatement
    UNION ALL BY NAME
    SELECT 'MedicationRequest' AS type, id, meta, subject, contained FROM raw_medicationrequest
    UNION ALL BY NAME
    SELECT 'Procedure' AS type, id, meta, subject, contained FROM raw_procedure
    UNION ALL BY NAME
    SELECT 'ImagingStudy' AS type, id, meta, subject, contained FROM raw_imagingstudy
    UNION ALL BY NAME
    SELECT 'DiagnosticReport' AS type, id, meta, subject, contained, effectivedatetime, issued
    FROM raw_diagnosticreport
),
latest AS (
    FROM owner
    WHERE (type, id) IN (SELECT (type, id) FROM owner WHERE contained IS NOT NULL)
    QUALIFY row_number() OVER (PARTITION BY type, id ORDER BY version_of(meta) DESC, hash(contained)) = 1
)
SELECT *, json_text(one, '$.resourceType') AS type, owner || '#' || json_text(one, '$.id') AS id
FROM (
    SELECT
        type || '/' || id AS owner,
        patient_named(subject, contained) AS owner_subject,
        contained,
        effectivedatetime AS owner_effective_at,
        issued AS owner_issued_at,
        unnest(json_parts(contained)) AS one
    FROM latest
)
