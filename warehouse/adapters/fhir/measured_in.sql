-- The echocardiogram in which an observation was measured: the imaging study or procedure that it is part of or derived
-- from, else one that the report names which has it as a result, else that of the report.
WITH echo AS (
    SELECT 'ImagingStudy' AS type, id, study_id FROM made_imaging WHERE reason IS NULL
    UNION ALL
    SELECT type, id, study_id FROM made_echo_procedure WHERE fault IS NULL
),
report AS (
    SELECT id, imagingstudy, fhir_id(json_text(unnest(json_parts(result)), '$.reference'), 'Observation') AS observation_id
    FROM raw_diagnosticreport
    WHERE resourcetype = 'DiagnosticReport' AND coalesce(lower(as_text(status)), '') NOT IN ('entered-in-error', 'cancelled')
),
origin AS (
    SELECT id AS observation_id, unnest(origins) AS reference, 1 AS rank
    FROM made_observed
    UNION ALL
    SELECT observation_id, json_text(unnest(json_parts(imagingstudy)), '$.reference'), 2
    FROM report
    UNION ALL
    SELECT observation_id, 'DiagnosticReport/' || id, 3
    FROM report
),
typed AS (
    SELECT observation_id, rank, type, fhir_id(reference, type) AS id
    FROM origin
    CROSS JOIN (SELECT DISTINCT type FROM echo)
)
SELECT observation_id, min_by(study_id, (rank, study_id)) AS study_id
FROM typed
JOIN echo USING (type, id)
WHERE observation_id IS NOT NULL
GROUP BY observation_id
