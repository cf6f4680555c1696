-- Conditions with their ICD code (see condition_code.sql), and the time at which they were known (see visit.sql).
SELECT
    coalesce(patient_id, as_whole(condition.person_id)) AS patient_id,
    coded.vocabulary,
    coded.code,
    CASE
        WHEN is_stay THEN known_at
        ELSE later_time(condition_start_date, condition_start_datetime)
    END AS recorded_at,
    coded.found_by
FROM raw_condition_occurrence AS condition
JOIN made_condition_code AS coded
    ON coded.concept_id = coalesce(TRY_CAST(condition_concept_id AS BIGINT), 0)
    AND coded.source_concept_id = coalesce(TRY_CAST(condition_source_concept_id AS BIGINT), 0)
    AND coded.source_value = coalesce(CAST(condition_source_value AS VARCHAR), '')
LEFT JOIN made_visit AS visit ON visit.visit_id = TRY_CAST(condition.visit_occurrence_id AS BIGINT)
LEFT JOIN made_person_number AS person ON person.person_id = as_whole(condition.person_id)
