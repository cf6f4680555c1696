-- Conditions by the code that was recorded: the source concept tells the code system. A condition of an inpatient visit
-- is coded at discharge, so it is known at the visit's end and not before.
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
    concept.vocabulary_id AS vocabulary,
    coalesce(concept.concept_code, CAST(condition_source_value AS VARCHAR)) AS code,
    coalesce(ended_at, CAST(condition_start_datetime AS VARCHAR), CAST(condition_start_date AS VARCHAR)) AS recorded_at
FROM raw_condition_occurrence AS condition
LEFT JOIN raw_concept AS concept
    ON TRY_CAST(concept.concept_id AS BIGINT) = TRY_CAST(condition_source_concept_id AS BIGINT)
LEFT JOIN inpatient ON inpatient.visit_id = TRY_CAST(condition.visit_occurrence_id AS BIGINT)
LEFT JOIN raw_person AS person ON TRY_CAST(person.person_id AS BIGINT) = TRY_CAST(condition.person_id AS BIGINT)
