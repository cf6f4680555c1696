-- Echocardiograms. OMOP has no column for the identifier of a DICOM study, so the site adds table echo_study. Without it,
-- procedures coded as transthoracic echocardiography are the studies, and no echo file can be linked to them.
SELECT
    CAST(study_id AS VARCHAR) AS study_id,
    as_whole(person_id) AS person_id,
    CAST(study_at AS VARCHAR) AS study_at,
    setting,
    TRY_CAST(procedure_occurrence_id AS BIGINT) AS event_id
FROM raw_echo_study
UNION ALL
SELECT
    'procedure ' || as_whole(procedure_occurrence_id),
    as_whole(procedure.person_id),
    coalesce(CAST(procedure_datetime AS VARCHAR), CAST(procedure_date AS VARCHAR)),
    visit.kind,
    TRY_CAST(procedure_occurrence_id AS BIGINT)
FROM raw_procedure_occurrence AS procedure
LEFT JOIN made_visit AS visit ON visit.visit_id = TRY_CAST(procedure.visit_occurrence_id AS BIGINT)
WHERE NOT EXISTS (FROM raw_echo_study)
    AND (
        TRY_CAST(procedure_concept_id AS BIGINT) IN (SELECT concept_id FROM made_known_concept WHERE kind = 'echo')
        OR trim(CAST(procedure_source_value AS VARCHAR)) IN (SELECT code FROM map_concepts WHERE kind = 'echo')
    )
