-- The echocardiogram in which an observation was measured: the imaging study or procedure that it is part of or derived
-- from, or that of the report which has it as a result.
WITH echo AS (
    SELECT 'ImagingStudy' AS type, id, study_id FROM made_imaging WHERE reason IS NULL
    UNION ALL
    SELECT type, id, study_id
    FROM made_echo_procedure
    WHERE reason IS NULL OR reason IN ('PROCEDURE_OF_AN_IMAGING_STUDY', 'REPORT_OF_ANOTHER_STUDY')
),
report AS (
    SELECT id, imagingstudy, fhir_id(json_text(unnest(json_parts(result)), '$.reference'), 'Observation') AS observation_id
    FROM raw_diagnosticreport
    WHERE resourcetype = 'DiagnosticReport' AND coalesce(lower(as_text(status)), '') NOT IN ('entered-in-error', 'cancelled')
),
origin AS (
    SELECT id AS observation_id, unnest(origins) AS reference
    FROM made_observed
    UNION ALL
    SELECT observation_id, json_text(unnest(json_parts(imagingstudy)), '$.reference')
    FROM report
    UNION ALL
    SELECT observation_id, 'DiagnosticReport/' || id
    FROM report
),
typed AS (
    SELECT observation_id, type, fhir_id(reference, type) AS id
    FROM origin
    CROSS JOIN (SELECT DISTINCT type FROM echo)
)
SELECT observation_id, min(study_id) AS study_id
FROM typed
JOIN echo USING (type, id)
WHERE observation_id IS NOT NULL
GROUP BY observation_id
