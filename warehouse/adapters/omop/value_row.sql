-- Rows of measurement and observation that say something of the catalogue: the variable, by their concept (known_concept.sql),
-- the source concept, else the code in the source value (null: the concept is an answer itself, telling.sql); the study; and the
-- reason why a row is not read (null: it is). Values measured in an echo name it as their event, or table image_feature ties
-- them to one of its images; those of an echo or image of another kind are not read. A bound such as < 5 is not
-- a value, whether its operator or the source's text says so.
WITH source_row AS (
    SELECT
        as_whole(person_id) AS person_id,
        TRY_CAST(measurement_concept_id AS BIGINT) AS concept_id,
        TRY_CAST(measurement_source_concept_id AS BIGINT) AS source_concept_id,
        trim(CAST(measurement_source_value AS VARCHAR)) AS code,
        CAST(value_as_number AS VARCHAR) AS number,
        TRY_CAST(value_as_concept_id AS BIGINT) AS answer_id,
        NULL AS words,
        TRY_CAST(unit_concept_id AS BIGINT) AS unit_concept_id,
        CAST(unit_source_value AS VARCHAR) AS unit,
        later_time(measurement_date, measurement_datetime) AS measured_at,
        TRY_CAST(measurement_event_id AS BIGINT) AS event_id,
        TRY_CAST(meas_event_field_concept_id AS BIGINT) AS field_id,
        TRY_CAST(measurement_id AS BIGINT) AS measurement_id,
        coalesce(TRY_CAST(operator_concept_id AS BIGINT), 0) AS operator_id,
        is_bound(value_source_value) AS is_written_as_bound
    FROM raw_measurement
    UNION ALL
    SELECT
        as_whole(person_id),
        TRY_CAST(observation_concept_id AS BIGINT),
        NULL,
        trim(CAST(observation_source_value AS VARCHAR)),
        CAST(value_as_number AS VARCHAR),
        TRY_CAST(value_as_concept_id AS BIGINT),
        CAST(value_as_string AS VARCHAR),
        TRY_CAST(unit_concept_id AS BIGINT),
        CAST(unit_source_value AS VARCHAR),
        later_time(observation_date, observation_datetime),
        NULL,
        NULL,
        NULL,
        0,
        value_as_number IS NOT NULL AND (is_bound(value_as_string) OR is_bound(value_source_value))
    FROM raw_observation
),
coded AS (
    SELECT code, arg_max(target, is_site) AS target
    FROM made_code
    WHERE kind = 'variable'
    GROUP BY code
),
event AS (
    SELECT event_id, person_id, min(study_id) AS study_id
    FROM (FROM made_echo_event UNION ALL BY NAME FROM made_another_echo)
    GROUP BY event_id, person_id
)
SELECT
    source_row.* EXCLUDE (source_concept_id, code, event_id, field_id, measurement_id, operator_id, is_written_as_bound),
    coalesce(standard.target, source.target, coded.target) AS variable,
    coalesce(event.study_id, imaged.study_id) AS study_id,
    CASE
        WHEN is_written_as_bound OR (operator_id <> 0 AND operator.target IS NULL) THEN 'VALUE_IS_A_BOUND'
        WHEN coalesce(event.study_id, imaged.study_id) IS NULL AND (event.event_id IS NOT NULL OR NOT imaged.is_echo)
            THEN 'NOT_A_RESTING_TRANSTHORACIC_STUDY'
    END AS reason
FROM source_row
LEFT JOIN made_known_concept AS standard ON standard.kind = 'variable' AND standard.concept_id = source_row.concept_id
LEFT JOIN made_known_concept AS source ON source.kind = 'variable' AND source.concept_id = source_row.source_concept_id
LEFT JOIN coded ON coded.code = source_row.code
LEFT JOIN made_known_concept AS operator ON operator.kind = 'operator' AND operator.concept_id = operator_id
LEFT JOIN made_known_concept AS field ON field.kind = 'event_field' AND field.concept_id = field_id
LEFT JOIN event
    ON field.target = 'procedure' AND event.event_id = source_row.event_id AND event.person_id = source_row.person_id
LEFT JOIN made_image_value AS imaged ON imaged.measurement_id = source_row.measurement_id
WHERE variable IS NOT NULL
    OR (
        number IS NULL
        AND words IS NULL
        AND coalesce(answer_id, 0) = 0
        AND source_row.concept_id IN (SELECT concept_id FROM made_telling)
    )
