-- The echocardiogram in which an observation was measured: the imaging study or procedure that it is part of or derived
-- from, else one that the report names which has it as a result, else that of the report. Null: all of these are of
-- another kind, or did not take place.
WITH echo AS (
    SELECT 'ImagingStudy' AS type, id, CASE WHEN reason IS NULL THEN study_id END AS study_id FROM made_imaging
    UNION ALL
    SELECT type, id, CASE WHEN fault IS NULL THEN study_id END FROM made_echo_procedure
),
report AS (
    SELECT id, imaging_ids, unnest(observation_ids) AS observation_id
    FROM made_report
    WHERE coalesce(status, '') NOT IN ('entered-in-error', 'cancelled')
),
named AS (
    SELECT id AS observation_id, unnest(origins) AS reference
    FROM made_observed
),
origin AS (
    SELECT observation_id, type, fhir_id(reference, type) AS id, 1 AS rank
    FROM named
    CROSS JOIN (SELECT DISTINCT type FROM echo)
    UNION ALL
    SELECT observation_id, 'ImagingStudy', unnest(imaging_ids), 2
    FROM report
    UNION ALL
    SELECT observation_id, 'DiagnosticReport', id, 3
    FROM report
)
SELECT observation_id, min_by(study_id, (rank, study_id)) AS study_id
FROM origin
JOIN echo USING (type, id)
WHERE observation_id IS NOT NULL
GROUP BY observation_id
