-- Values of the catalogue's variables, found by their concept (known_concept.sql), else by the code in the source
-- value. The unit is the concept's, else the source's text. Values measured in an echo name it as their event, or table
-- image_feature ties them to one of its images; those of an echo or image of another kind are not read. A bound such as
-- < 5 is not a value. An answer is a concept (code.sql) or words; a concept may say all (NYHA class III, ex-smoker), as
-- a condition too (of one that has ended, what stays true). Who smokes is also said to smoke now or not.
WITH answer AS (
    SELECT concept_id, substr(kind, 8) AS variable, target AS value FROM made_known_concept WHERE starts_with(kind, 'answer ')
),
source_row AS (
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
        CAST(value_as_number AS VARCHAR),
        TRY_CAST(value_as_concept_id AS BIGINT),
        CAST(value_as_string AS VARCHAR),
        TRY_CAST(unit_concept_id AS BIGINT),
        CAST(unit_source_value AS VARCHAR),
        later_time(observation_date, observation_datetime),
        NULL,
        NULL
    FROM raw_observation
),
code_variable AS (
    SELECT code, arg_max(target, is_site) AS variable
    FROM made_code
    WHERE kind = 'variable'
    GROUP BY code
),
named AS (
    SELECT source_row.*, coalesce(standard.target, source.target, coded.variable) AS variable
    FROM source_row
    LEFT JOIN made_known_concept AS standard ON standard.kind = 'variable' AND standard.concept_id = source_row.concept_id
    LEFT JOIN made_known_concept AS source ON source.kind = 'variable' AND source.concept_id = source_row.source_concept_id
    LEFT JOIN code_variable AS coded ON coded.code = source_row.code
    WHERE coalesce(standard.target, source.target, coded.variable) IS NOT NULL
),
asked AS (
    SELECT *, false AS is_derived FROM named
    UNION ALL
    SELECT * REPLACE (NULL AS number, 'current_smoker' AS variable), true FROM named WHERE variable = 'smoking'
),
worded AS (
    SELECT variable, words, nullif(min_by(grade, CAST(place AS INTEGER)), 'unread') AS value
    FROM (SELECT DISTINCT variable, words FROM asked WHERE number IS NULL)
    JOIN map_grades ON regexp_matches(lower(words), pattern) AND grades_variable(graded, variable)
    GROUP BY variable, words
),
valued AS (
    SELECT asked.*, coalesce(number, answer.value, worded.value) AS value
    FROM asked
    LEFT JOIN answer
        ON answer.concept_id = asked.answer_id
        AND (answer.variable = asked.variable OR answer.variable = '*_grade' AND ends_with(asked.variable, '_grade'))
    LEFT JOIN worded ON worded.words = asked.words AND worded.variable = asked.variable
    WHERE NOT is_derived OR coalesce(answer.value, worded.value) IS NOT NULL
    UNION ALL BY NAME
    SELECT source_row.*, telling.variable, telling.value
    FROM source_row
    JOIN made_telling AS telling USING (concept_id)
    WHERE number IS NULL AND words IS NULL AND coalesce(answer_id, 0) = 0
    UNION ALL BY NAME
    SELECT
        as_whole(condition.person_id) AS person_id,
        telling.variable,
        telling.value,
        CASE WHEN is_stay THEN known_at ELSE later_time(condition_start_date, condition_start_datetime) END AS measured_at
    FROM raw_condition_occurrence AS condition
    JOIN made_telling AS telling ON telling.concept_id = TRY_CAST(condition_concept_id AS BIGINT)
    LEFT JOIN made_visit AS visit ON visit.visit_id = TRY_CAST(condition.visit_occurrence_id AS BIGINT)
    WHERE stays_true OR as_text(condition_end_date) IS NULL
)
SELECT
    coalesce(patient_id, valued.person_id) AS patient_id,
    coalesce(echo.study_id, imaged.study_id) AS study_id,
    variable,
    value,
    coalesce(unit.target, valued.unit) AS unit,
    measured_at
FROM valued
LEFT JOIN made_known_concept AS unit ON unit.kind = 'unit' AND unit.concept_id = valued.unit_concept_id
LEFT JOIN made_echo_event AS echo ON echo.event_id = valued.event_id AND echo.person_id = valued.person_id
LEFT JOIN made_image_value AS imaged ON imaged.measurement_id = valued.measurement_id
LEFT JOIN made_another_echo AS another ON another.event_id = valued.event_id AND another.person_id = valued.person_id
LEFT JOIN made_person_number AS person ON person.person_id = valued.person_id
WHERE coalesce(echo.study_id, imaged.study_id) IS NOT NULL OR another.event_id IS NULL AND coalesce(imaged.is_echo, true)
