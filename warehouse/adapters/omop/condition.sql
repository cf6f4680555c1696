-- Every combination of the three columns that say what a condition is.
SELECT DISTINCT
    coalesce(TRY_CAST(condition_concept_id AS BIGINT), 0) AS concept_id,
    coalesce(TRY_CAST(condition_source_concept_id AS BIGINT), 0) AS source_concept_id,
    coalesce(CAST(condition_source_value AS VARCHAR), '') AS source_value
FROM raw_condition_occurrence
