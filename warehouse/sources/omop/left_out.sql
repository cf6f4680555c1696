-- What has no place in the canonical tables.
WITH known AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, code FROM map_concepts WHERE kind = 'variable'
    UNION
    SELECT TRY_CAST(concept.concept_id AS BIGINT), code
    FROM raw_concept AS concept
    JOIN map_concepts ON kind = 'variable' AND vocabulary = concept.vocabulary_id AND code = concept.concept_code
)
SELECT 'measurement' AS table_name, 'CONCEPT_NOT_IN_CATALOGUE' AS reason, count(*) AS rows
FROM raw_measurement AS measurement
WHERE TRY_CAST(measurement_concept_id AS BIGINT) NOT IN (SELECT concept_id FROM known WHERE concept_id IS NOT NULL)
    AND coalesce(TRY_CAST(measurement_source_concept_id AS BIGINT) NOT IN (
        SELECT concept_id FROM known WHERE concept_id IS NOT NULL
    ), true)
    AND coalesce(measurement_source_value NOT IN (SELECT code FROM known), true)
UNION ALL
SELECT 'contact', 'PERIOD_PROVES_NO_LIFE', count(*)
FROM raw_observation_period
WHERE NOT EXISTS (
    FROM map_concepts
    WHERE kind = 'period' AND TRY_CAST(concept_id AS BIGINT) = TRY_CAST(period_type_concept_id AS BIGINT)
)
UNION ALL
SELECT 'study', 'NO_TABLE_OF_ECHO_STUDIES', 1
WHERE NOT EXISTS (FROM raw_echo_study)
UNION ALL
SELECT
    'diagnosis',
    CASE found_by
        WHEN 'map' THEN 'CONDITION_BY_ITS_MAP'
        WHEN 'ancestor' THEN 'CONDITION_BY_ITS_ANCESTOR_S_MAP'
        WHEN 'several' THEN 'CONDITION_OF_SEVERAL_CATEGORIES'
        WHEN 'none' THEN 'CONDITION_WITHOUT_ICD_CODE'
    END,
    count(*)
FROM source_diagnosis
WHERE found_by NOT IN ('source', 'value')
GROUP BY found_by
