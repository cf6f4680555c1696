-- Values of the catalogue's variables, found by their concept (known_concept.sql), else by the code in the source value.
-- The unit is the concept's, else the source's text. Values measured in an echo name it as their event,
-- or table image_feature ties them to one of its images. A bound such as
-- < 5 is not a value.
WITH worded AS (
    SELECT words, nullif(min_by(grade, CAST(place AS INTEGER)), 'unread') AS value
    FROM (SELECT DISTINCT CAST(value_as_string AS VARCHAR) AS words FROM raw_observation)
    JOIN map_grades ON graded = 'smoking' AND regexp_matches(lower(words), pattern)
    GROUP BY words
),
source_row AS (
    SELECT
        as_whole(person_id) AS person_id,
        TRY_CAST(measurement_concept_id AS BIGINT) AS concept_id,
        TRY_CAST(measurement_source_concept_id AS BIGINT) AS source_concept_id,
        trim(CAST(measurement_source_value AS VARCHAR)) AS code,
        CAST(value_as_number AS VARCHAR) AS value,
        TRY_CAST(unit_concept_id AS BIGINT) AS unit_concept_id,
        unit_source_value AS unit,
        coalesce(CAST(measurement_datetime AS VARCHAR), CAST(measurement_date AS VARCHAR)) AS measured_at,
        CASE WHEN event_field.target = 'procedure' THEN TRY_CAST(measurement_event_id AS BIGINT) END AS event_id,
        TRY_CAST(measurement_id AS BIGINT) AS measurement_id
    FROM raw_measurement AS measurement
    LEFT JOIN made_known_concept AS event_field
        ON event_field.kind = 'event_field'
        AND event_field.concept_id = TRY_CAST(meas_event_field_concept_id AS BIGINT)
    WHERE coalesce(TRY_CAST(operator_concept_id AS BIGINT), 0) IN (
        SELECT 0 UNION ALL SELECT concept_id FROM made_known_concept WHERE kind = 'operator'
    )
    UNION ALL
    SELECT
        as_whole(person_id),
        TRY_CAST(observation_concept_id AS BIGINT),
        NULL,
        trim(CAST(observation_source_value AS VARCHAR)),
        coalesce(CAST(value_as_number AS VARCHAR), smoking.target, worded.value),
        TRY_CAST(unit_concept_id AS BIGINT),
        unit_source_value,
        coalesce(CAST(observation_datetime AS VARCHAR), CAST(observation_date AS VARCHAR)),
        NULL,
        NULL
    FROM raw_observation AS observation
    LEFT JOIN made_known_concept AS smoking
        ON smoking.kind = 'smoking' AND smoking.concept_id = TRY_CAST(value_as_concept_id AS BIGINT)
    LEFT JOIN worded ON worded.words = CAST(value_as_string AS VARCHAR)
),
code_variable AS (
    SELECT code, arg_max(target, is_site) AS variable
    FROM made_code
    WHERE kind = 'variable'
    GROUP BY code
)
SELECT
    coalesce(patient_id, source_row.person_id) AS patient_id,
    coalesce(echo.study_id, imaged.study_id) AS study_id,
    coalesce(standard.target, source.target, coded.variable) AS variable,
    source_row.value,
    coalesce(unit.target, source_row.unit) AS unit,
    source_row.measured_at
FROM source_row
LEFT JOIN made_known_concept AS standard ON standard.kind = 'variable' AND standard.concept_id = source_row.concept_id
LEFT JOIN made_known_concept AS source ON source.kind = 'variable' AND source.concept_id = source_row.source_concept_id
LEFT JOIN code_variable AS coded ON coded.code = source_row.code
LEFT JOIN made_known_concept AS unit ON unit.kind = 'unit' AND unit.concept_id = source_row.unit_concept_id
LEFT JOIN made_echo_event AS echo ON echo.event_id = source_row.event_id AND echo.person_id = source_row.person_id
LEFT JOIN made_image_value AS imaged ON imaged.measurement_id = source_row.measurement_id
LEFT JOIN made_person_number AS person ON person.person_id = source_row.person_id
WHERE coalesce(standard.target, source.target, coded.variable) IS NOT NULL
