-- The echo studies of OHDSI's imaging extension (MI-CDM): one row for each study of table image_occurrence, which has one
-- for each series. Its procedure tells that it is an echocardiography; where that is of no known concept, ultrasound of
-- the heart does. The time is that of the procedure, if it is of the same day.
WITH heart AS (
    SELECT concept_id FROM made_class WHERE kind = 'anatomy' AND target = 'heart'
),
modality AS (
    SELECT concept_id FROM made_known_concept WHERE kind = 'modality' AND target = 'ultrasound'
),
other_modality AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id
    FROM raw_concept
    WHERE vocabulary_id = 'DICOM' AND TRY_CAST(concept_id AS BIGINT) NOT IN (FROM modality)
)
SELECT
    trim(CAST(image_study_uid AS VARCHAR)) AS study_id,
    as_whole(image.person_id) AS person_id,
    min(
        CASE
            WHEN CAST(as_moment(performed_at) AS DATE) = CAST(as_moment(image_occurrence_date) AS DATE) THEN performed_at
            ELSE CAST(image_occurrence_date AS VARCHAR)
        END
    ) AS study_at,
    min(coalesce(procedure.setting, visit.kind)) AS setting,
    min(procedure.event_id) AS event_id,
    bool_or(
        coalesce(is_study, false)
        OR (
            coalesce(is_unknown, true)
            AND TRY_CAST(anatomic_site_concept_id AS BIGINT) IN (FROM heart)
            AND TRY_CAST(modality_concept_id AS BIGINT) IN (FROM modality)
        )
    ) AS is_echo
FROM raw_image_occurrence AS image
LEFT JOIN made_echo_procedure AS procedure ON procedure.event_id = TRY_CAST(image.procedure_occurrence_id AS BIGINT)
LEFT JOIN made_visit AS visit ON visit.visit_id = TRY_CAST(image.visit_occurrence_id AS BIGINT)
WHERE image_study_uid IS NOT NULL
    AND coalesce(TRY_CAST(modality_concept_id AS BIGINT) NOT IN (FROM other_modality), true)
GROUP BY ALL
