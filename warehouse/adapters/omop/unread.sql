-- Rows of measurement and observation that say nothing of the catalogue, by concept: neither concept nor code is a variable, and
-- they are no answer themselves (telling.sql), or one that came with a value and may deny it.
WITH variable AS (
    SELECT concept_id FROM made_known_concept WHERE kind = 'variable'
),
code AS (
    SELECT code FROM made_code WHERE kind = 'variable' AND code IS NOT NULL
),
source_row AS (
    SELECT
        'CONCEPT_NOT_IN_CATALOGUE' AS reason,
        TRY_CAST(measurement_concept_id AS BIGINT) AS concept_id,
        TRY_CAST(measurement_source_concept_id AS BIGINT) AS source_concept_id,
        trim(CAST(measurement_source_value AS VARCHAR)) AS code,
        value_as_number IS NULL AND coalesce(TRY_CAST(value_as_concept_id AS BIGINT), 0) = 0 AS is_alone
    FROM raw_measurement
    UNION ALL
    SELECT
        'OBSERVATION_NOT_IN_CATALOGUE',
        TRY_CAST(observation_concept_id AS BIGINT),
        NULL,
        trim(CAST(observation_source_value AS VARCHAR)),
        value_as_number IS NULL AND value_as_string IS NULL AND coalesce(TRY_CAST(value_as_concept_id AS BIGINT), 0) = 0
    FROM raw_observation
)
SELECT reason, concept_id
FROM source_row
WHERE coalesce(concept_id NOT IN (FROM variable), true)
    AND coalesce(source_concept_id NOT IN (FROM variable), true)
    AND coalesce(code NOT IN (FROM code), true)
    AND NOT (is_alone AND coalesce(concept_id IN (SELECT concept_id FROM made_telling), false))
