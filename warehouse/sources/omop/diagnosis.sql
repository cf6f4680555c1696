-- Conditions by their ICD code (condition_code.sql says how it is found). A condition of an inpatient visit is coded at
-- discharge, so it is known at the visit's end and not before.
WITH inpatient AS (
    SELECT
        TRY_CAST(visit_occurrence_id AS BIGINT) AS visit_id,
        coalesce(
            CAST(visit_end_datetime AS VARCHAR),
            CAST(visit_end_date AS VARCHAR) || ' 23:59:59',
            CAST(visit_start_date AS VARCHAR) || ' 23:59:59'
        ) AS ended_at
    FROM raw_visit_occurrence AS visit
    JOIN map_concepts
        ON kind = 'visit' AND target = 'inpatient'
        AND TRY_CAST(map_concepts.concept_id AS BIGINT) = TRY_CAST(visit.visit_concept_id AS BIGINT)
)
SELECT
    coalesce(CAST(person.person_source_value AS VARCHAR), CAST(condition.person_id AS VARCHAR)) AS patient_id,
    coded.vocabulary,
    coded.code,
    coalesce(ended_at, CAST(condition_start_datetime AS VARCHAR), CAST(condition_start_date AS VARCHAR)) AS recorded_at,
    coded.found_by
FROM raw_condition_occurrence AS condition
JOIN made_condition_code AS coded
    ON coded.concept_id = coalesce(TRY_CAST(condition_concept_id AS BIGINT), 0)
    AND coded.source_concept_id = coalesce(TRY_CAST(condition_source_concept_id AS BIGINT), 0)
    AND coded.source_value = coalesce(CAST(condition_source_value AS VARCHAR), '')
LEFT JOIN inpatient ON inpatient.visit_id = TRY_CAST(condition.visit_occurrence_id AS BIGINT)
LEFT JOIN raw_person AS person ON TRY_CAST(person.person_id AS BIGINT) = TRY_CAST(condition.person_id AS BIGINT)
