-- Resources within resources (contained), of the newest version of their owner: nothing else can name them, and where
-- they say nothing of a patient or a time they are of the owner's. Within what was entered in error all is. A contained
-- Medication, Encounter, Observation or Patient is read where its owner names it (#id).
WITH owner AS (
    SELECT 'Encounter' AS type, resourcetype, id, meta, subject, contained, status FROM raw_encounter
    UNION ALL BY NAME
    SELECT 'Observation' AS type, resourcetype, id, meta, subject, contained, status, effectivedatetime, effectiveperiod, issued
    FROM raw_observation
    UNION ALL BY NAME
    SELECT 'Condition' AS type, resourcetype, id, meta, subject, contained, verificationstatus AS status FROM raw_condition
    UNION ALL BY NAME
    SELECT 'MedicationStatement' AS type, resourcetype, id, meta, subject, contained, status FROM raw_medicationstatement
    UNION ALL BY NAME
    SELECT 'MedicationRequest' AS type, resourcetype, id, meta, subject, contained, status FROM raw_medicationrequest
    UNION ALL BY NAME
    SELECT 'Procedure' AS type, resourcetype, id, meta, subject, contained, status FROM raw_procedure
    UNION ALL BY NAME
    SELECT 'ImagingStudy' AS type, resourcetype, id, meta, subject, contained, status FROM raw_imagingstudy
    UNION ALL BY NAME
    SELECT 'DiagnosticReport' AS type, resourcetype, id, meta, subject, contained, status, effectivedatetime, effectiveperiod, issued
    FROM raw_diagnosticreport
),
latest AS (
    FROM owner
    WHERE resourcetype = type
        AND (contained IS NOT NULL OR (type, id) IN (SELECT (type, id) FROM owner WHERE contained IS NOT NULL))
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY type, id ORDER BY version_of(meta) DESC, hash(contained)) = 1
)
SELECT
    *,
    json_text(one, '$.resourceType') AS type,
    owner || '#' || json_text(one, '$.id') AS id,
    CASE WHEN contains(owner_status, 'entered-in-error') THEN 'entered-in-error' ELSE json_text(one, '$.status') END AS status
FROM (
    SELECT
        type || '/' || id AS owner,
        patient_named(subject, contained) AS owner_subject,
        lower(CAST(status AS VARCHAR)) AS owner_status,
        contained,
        coalesce(as_text(effectivedatetime), json_text(effectiveperiod, '$.end'), json_text(effectiveperiod, '$.start'))
            AS owner_effective_at,
        issued AS owner_issued_at,
        unnest(json_parts(contained)) AS one
    FROM latest
)
