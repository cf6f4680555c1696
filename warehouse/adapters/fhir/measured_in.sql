-- The echocardiogram in which an observation was measured: the imaging study or procedure that it is part of or derived
-- from, or that of the report which has it as a result.
WITH echo AS (
    SELECT 'ImagingStudy' AS type, id, study_id FROM made_imaging WHERE reason IS NULL
    UNION ALL
    SELECT 'Procedure', id, study_id FROM made_echo_procedure WHERE reason IS NULL OR reason = 'PROCEDURE_OF_AN_IMAGING_STUDY'
),
origin AS (
    SELECT id AS observation_id, unnest(origins) AS reference
    FROM made_observed
    UNION ALL
    SELECT fhir_id(json_text(result, '$.reference'), 'Observation'), json_text(unnest(json_parts(imagingstudy)), '$.reference')
    FROM (
        SELECT imagingstudy, unnest(json_parts(result)) AS result
        FROM raw_diagnosticreport
        WHERE resourcetype = 'DiagnosticReport' AND coalesce(lower(as_text(status)), '') NOT IN ('entered-in-error', 'cancelled')
    )
),
typed AS (
    SELECT observation_id, 'ImagingStudy' AS type, fhir_id(reference, 'ImagingStudy') AS id FROM origin
    UNION ALL
    SELECT observation_id, 'Procedure', fhir_id(reference, 'Procedure') FROM origin
)
SELECT observation_id, min(study_id) AS study_id
FROM typed
JOIN echo USING (type, id)
WHERE observation_id IS NOT NULL
GROUP BY observation_id
