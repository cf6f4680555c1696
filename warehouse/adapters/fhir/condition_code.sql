-- The ICD codes of each concept of a condition: its own, else those to which the site's code_map or the common map take
-- its other codes. `found_by` is null for a concept without any.
WITH concept AS (
    SELECT DISTINCT CAST(code AS VARCHAR) AS concept FROM raw_condition WHERE code IS NOT NULL
),
coding AS (
    SELECT concept, coalesce(vocabulary, json_text(one, '$.system')) AS vocabulary, json_text(one, '$.code') AS code
    FROM (SELECT concept, unnest(json_parts(json_text(concept, '$.coding'))) AS one FROM concept)
    LEFT JOIN map_systems ON map_systems.system = rtrim(lower(json_text(one, '$.system')), '/')
),
found AS (
    SELECT concept, vocabulary, code, 'icd' AS found_by, 1 AS rank
    FROM coding
    WHERE vocabulary IN ('ICD10CM', 'ICD10', 'ICD9CM') AND code IS NOT NULL
    UNION ALL
    SELECT concept, split_part(target, '//', 1), split_part(target, '//', 2), 'map', 1 + priority
    FROM coding
    JOIN made_coded AS coded
        ON coded.code = coding.code AND (coded.vocabulary IS NULL OR coded.vocabulary = coding.vocabulary)
    WHERE starts_with(target, 'ICD')
)
SELECT DISTINCT concept, vocabulary, code, found_by
FROM found
QUALIFY rank = min(rank) OVER (PARTITION BY concept)
