-- What is behind the counts of left_out.sql, by code: of each concept its first code of a known vocabulary (SNOMED CT's before
-- others), else its first code or its text. What is no code of its vocabulary is text of a record: staging hashes it.
WITH counted AS (
    SELECT 'diagnosis' AS table_name, reason, concept, count(*) AS rows
    FROM made_condition_found
    JOIN map_found_by USING (found_by)
    WHERE found_by IN ('list', 'several', 'none')
    GROUP BY ALL
    UNION ALL
    SELECT 'measurement', reason, CAST(concept AS VARCHAR), count(*)
    FROM made_value
    WHERE reason = 'OBSERVATION_NOT_IN_CATALOGUE'
    GROUP BY ALL
    UNION ALL
    SELECT 'medication', 'DRUG_OF_NO_CLASS', concept, count(*)
    FROM made_drug
    WHERE reason IS NULL AND concept NOT IN (SELECT concept FROM made_drug_class)
    GROUP BY ALL
),
coding AS (
    SELECT
        concept,
        unnest(json_parts(json_text(concept, '$.coding'))) AS one,
        generate_subscripts(json_parts(json_text(concept, '$.coding')), 1) AS place
    FROM (SELECT DISTINCT concept FROM counted)
),
first_code AS (
    SELECT
        concept,
        min_by(
            {'vocabulary': coalesce(vocabulary, ''), 'code': json_text(one, '$.code')},
            (vocabulary IS NULL, vocabulary IS DISTINCT FROM 'SNOMED', place)
        ) AS shown
    FROM coding
    LEFT JOIN map_systems ON map_systems.system = code_system(json_text(one, '$.system'))
    WHERE json_text(one, '$.code') IS NOT NULL
    GROUP BY concept
)
SELECT
    table_name,
    reason,
    coalesce(shown.vocabulary, '') AS vocabulary,
    coalesce(shown.code, json_text(concept, '$.text')) AS word,
    sum(rows) AS rows
FROM counted
LEFT JOIN first_code USING (concept)
GROUP BY ALL
