-- Numbers of the catalogue: found by a reviewed concept id, else by the LOINC code of the concept or in the source
-- value. Their unit is the concept's, else the source's own. Values measured in an echo name it as their event.
WITH concept_variable AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, target AS variable
    FROM map_concepts
    WHERE kind = 'variable' AND concept_id IS NOT NULL
    UNION
    SELECT TRY_CAST(concept.concept_id AS BIGINT), map_concepts.target
    FROM raw_concept AS concept
    JOIN map_concepts
        ON kind = 'variable' AND vocabulary = concept.vocabulary_id AND code = concept.concept_code
),
code_variable AS (
    SELECT code, target AS variable
    FROM map_concepts
    WHERE kind = 'variable'
),
concept_unit AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, target AS unit
    FROM map_concepts
    WHERE kind = 'unit'
    UNION
    SELECT TRY_CAST(concept_id AS BIGINT), concept_code
    FROM raw_concept
    WHERE vocabulary_id = 'UCUM'
),
smoking_answer AS (
    SELECT TRY_CAST(concept.concept_id AS BIGINT) AS concept_id, map_concepts.target AS value
    FROM raw_concept AS concept
    JOIN map_concepts
        ON kind = 'smoking' AND vocabulary = concept.vocabulary_id AND code = concept.concept_code
),
echo AS (
    SELECT TRY_CAST(procedure_occurrence_id AS BIGINT) AS event_id, TRY_CAST(person_id AS BIGINT) AS person_id, study_id
    FROM raw_echo_study
    UNION ALL
    SELECT
        TRY_CAST(procedure_occurrence_id AS BIGINT),
        TRY_CAST(person_id AS BIGINT),
        'procedure ' || procedure_occurrence_id
    FROM raw_procedure_occurrence
    WHERE NOT EXISTS (FROM raw_echo_study)
),
said AS (
    SELECT
        TRY_CAST(person_id AS BIGINT) AS person_id,
        TRY_CAST(measurement_concept_id AS BIGINT) AS concept_id,
        TRY_CAST(measurement_source_concept_id AS BIGINT) AS source_concept_id,
        measurement_source_value AS code,
        CAST(value_as_number AS VARCHAR) AS value,
        TRY_CAST(unit_concept_id AS BIGINT) AS unit_concept_id,
        unit_source_value AS unit,
        coalesce(CAST(measurement_datetime AS VARCHAR), CAST(measurement_date AS VARCHAR)) AS measured_at,
        CASE
            WHEN TRY_CAST(meas_event_field_concept_id AS BIGINT)
                IN (SELECT TRY_CAST(concept_id AS BIGINT) FROM map_concepts WHERE kind = 'event_field')
                THEN TRY_CAST(measurement_event_id AS BIGINT)
        END AS event_id
    FROM raw_measurement
    UNION ALL
    SELECT
        TRY_CAST(observation.person_id AS BIGINT),
        TRY_CAST(observation_concept_id AS BIGINT),
        NULL,
        observation_source_value,
        coalesce(
            CAST(value_as_number AS VARCHAR),
            smoking_answer.value,
            CASE
                WHEN regexp_matches(lower(value_as_string), '^never') THEN '0'
                WHEN regexp_matches(lower(value_as_string), '^(former|current|ex-?smoker|every day|some day)') THEN '1'
            END
        ),
        TRY_CAST(unit_concept_id AS BIGINT),
        unit_source_value,
        coalesce(CAST(observation_datetime AS VARCHAR), CAST(observation_date AS VARCHAR)),
        NULL
    FROM raw_observation AS observation
    LEFT JOIN smoking_answer ON smoking_answer.concept_id = TRY_CAST(value_as_concept_id AS BIGINT)
)
SELECT
    coalesce(CAST(person.person_source_value AS VARCHAR), CAST(said.person_id AS VARCHAR)) AS patient_id,
    echo.study_id,
    coalesce(standard.variable, source.variable, coded.variable) AS variable,
    said.value,
    coalesce(concept_unit.unit, said.unit) AS unit,
    said.measured_at
FROM said
LEFT JOIN concept_variable AS standard ON standard.concept_id = said.concept_id
LEFT JOIN concept_variable AS source ON source.concept_id = said.source_concept_id
LEFT JOIN code_variable AS coded ON coded.code = said.code
LEFT JOIN concept_unit ON concept_unit.concept_id = said.unit_concept_id
LEFT JOIN echo ON echo.event_id = said.event_id AND echo.person_id = said.person_id
LEFT JOIN raw_person AS person ON TRY_CAST(person.person_id AS BIGINT) = said.person_id
WHERE coalesce(standard.variable, source.variable, coded.variable) IS NOT NULL
