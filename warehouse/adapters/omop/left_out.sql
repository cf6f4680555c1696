-- Rows that do not go into the canonical tables, by reason; those of no variable and of no class of drugs by their concept too.
WITH variable AS (
    SELECT concept_id FROM made_known_concept WHERE kind = 'variable'
),
code AS (
    SELECT code FROM map_concepts WHERE kind = 'variable'
)
SELECT
    'measurement' AS table_name,
    'CONCEPT_NOT_IN_CATALOGUE' AS reason,
    'omop_concept' AS vocabulary,
    CAST(TRY_CAST(measurement_concept_id AS BIGINT) AS VARCHAR) AS word,
    count(*) AS rows
FROM raw_measurement
WHERE coalesce(TRY_CAST(measurement_concept_id AS BIGINT) NOT IN (FROM variable), true)
    AND coalesce(TRY_CAST(measurement_source_concept_id AS BIGINT) NOT IN (FROM variable), true)
    AND coalesce(trim(CAST(measurement_source_value AS VARCHAR)) NOT IN (FROM code), true)
GROUP BY word
UNION ALL
SELECT 'measurement', 'VALUE_IS_A_BOUND', NULL, NULL, count(*)
FROM raw_measurement
WHERE coalesce(TRY_CAST(operator_concept_id AS BIGINT), 0) NOT IN (
    SELECT 0 UNION ALL SELECT concept_id FROM made_known_concept WHERE kind = 'operator'
)
UNION ALL
SELECT
    'measurement',
    'OBSERVATION_NOT_IN_CATALOGUE',
    'omop_concept',
    CAST(TRY_CAST(observation_concept_id AS BIGINT) AS VARCHAR) AS word,
    count(*)
FROM raw_observation
WHERE coalesce(TRY_CAST(observation_concept_id AS BIGINT) NOT IN (FROM variable), true)
    AND coalesce(trim(CAST(observation_source_value AS VARCHAR)) NOT IN (FROM code), true)
GROUP BY word
UNION ALL
SELECT
    'medication',
    'DRUG_OF_NO_CLASS',
    'omop_concept',
    CAST(TRY_CAST(drug_concept_id AS BIGINT) AS VARCHAR) AS word,
    count(*)
FROM raw_drug_exposure AS exposure
WHERE NOT EXISTS (
    FROM made_drug_class AS classed
    WHERE classed.source_value = coalesce(CAST(exposure.drug_source_value AS VARCHAR), '')
        AND classed.concept_id = coalesce(TRY_CAST(exposure.drug_concept_id AS BIGINT), 0)
)
GROUP BY word
UNION ALL
SELECT 'contact', 'TELEPHONE_PROVES_NO_LIFE', NULL, NULL, count(*)
FROM made_visit
WHERE regexp_matches(lower(concat_ws(' ', described, detail)), 'phone|telefon')
UNION ALL
SELECT 'contact', 'PERIOD_PROVES_NO_LIFE', NULL, NULL, count(*)
FROM raw_observation_period
WHERE NOT EXISTS (
    FROM made_known_concept WHERE kind = 'period' AND concept_id = TRY_CAST(period_type_concept_id AS BIGINT)
)
UNION ALL
SELECT 'study', 'NO_TABLE_OF_ECHO_STUDIES', NULL, NULL, 1
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
    NULL,
    NULL,
    count(*)
FROM source_diagnosis
WHERE found_by NOT IN ('source', 'value')
GROUP BY found_by
