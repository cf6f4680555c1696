-- What is behind the counts of left_out.sql, by concept: vocabulary, code and name in the site's vocabulary, never text of
-- a record. A site's own concepts (2 000 000 000 and above) are named by their id alone.
WITH counted AS (
    SELECT
        'diagnosis' AS table_name,
        reason,
        coded.concept_id,
        count(*) AS rows
    FROM (SELECT DISTINCT concept_id, source_concept_id, source_value, found_by FROM made_condition_code) AS coded
    JOIN raw_condition_occurrence AS condition
        ON coded.concept_id = coalesce(TRY_CAST(condition_concept_id AS BIGINT), 0)
        AND coded.source_concept_id = coalesce(TRY_CAST(condition_source_concept_id AS BIGINT), 0)
        AND coded.source_value = coalesce(CAST(condition_source_value AS VARCHAR), '')
    JOIN map_found_by USING (found_by)
    WHERE found_by IN ('list', 'several', 'none')
    GROUP BY ALL
    UNION ALL
    SELECT
        'study',
        CASE
            WHEN kind IS NULL THEN 'ECHO_PROCEDURE_NOT_LISTED'
            WHEN is_study THEN 'ECHO_OF_UNSPECIFIED_KIND'
            ELSE 'ECHO_NOT_TRANSTHORACIC'
        END,
        concept_id,
        count(*)
    FROM made_echo_procedure
    WHERE NOT EXISTS (FROM raw_echo_study)
        AND (kind NOT IN ('transthoracic', 'pediatric') OR (kind IS NULL AND concept_id IN (FROM made_echo_like)))
    GROUP BY ALL
    UNION ALL
    SELECT 'measurement', reason, concept_id, count(*)
    FROM made_unread
    WHERE concept_id IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT 'medication', 'DRUG_OF_NO_CLASS', TRY_CAST(drug_concept_id AS BIGINT) AS drug_id, count(*)
    FROM raw_drug_exposure AS exposure
    WHERE drug_id IS NOT NULL
        AND NOT EXISTS (
            FROM made_drug_class AS classed
            WHERE classed.source_value = coalesce(CAST(exposure.drug_source_value AS VARCHAR), '')
                AND classed.concept_id = drug_id
        )
    GROUP BY ALL
),
concept AS (
    SELECT
        TRY_CAST(concept_id AS BIGINT) AS concept_id,
        concat_ws(' ', any_value(vocabulary_id), any_value(concept_code), any_value(concept_name)) AS name
    FROM raw_concept
    WHERE TRY_CAST(concept_id AS BIGINT) IN (SELECT concept_id FROM counted)
        AND TRY_CAST(concept_id AS BIGINT) BETWEEN 1 AND 1999999999
    GROUP BY ALL
)
SELECT table_name, reason, coalesce(name, 'concept ' || concept_id) AS word, rows
FROM counted
LEFT JOIN concept USING (concept_id)
UNION ALL
SELECT 'diagnosis', 'GROUP_NOT_ON_THE_LIST', category, rows
FROM made_group_not_listed
