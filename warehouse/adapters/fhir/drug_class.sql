-- Concepts of drugs with their classes: by a code that the site's code_map, the common map or the classes of ATC have,
-- else by an ingredient in their names.
WITH concept AS (
    SELECT DISTINCT concept FROM made_drug WHERE concept IS NOT NULL
),
coding AS (
    SELECT
        concept,
        coalesce(vocabulary, json_text(one, '$.system')) AS vocabulary,
        json_text(one, '$.code') AS code
    FROM (SELECT concept, unnest(json_parts(json_text(concept, '$.coding'))) AS one FROM concept)
    LEFT JOIN map_systems ON map_systems.system = code_system(json_text(one, '$.system'))
),
named AS (
    SELECT concept, lower(concept_words(concept)) AS name FROM concept
),
found AS (
    SELECT concept, target AS drug_class, 1 AS rank
    FROM coding
    JOIN made_coded AS coded
        ON coded.code = coding.code AND (coded.vocabulary IS NULL OR coded.vocabulary = coding.vocabulary)
    WHERE priority = 1 OR coded.vocabulary = 'RxNorm'
    UNION ALL
    SELECT concept, drug_class, 2
    FROM coding
    JOIN map_atc ON starts_with(code, prefix) AND NOT list_contains(string_split(coalesce(except_for, ''), ' '), code)
    WHERE vocabulary = 'ATC'
    UNION ALL
    SELECT concept, drug_class, 2
    FROM named
    JOIN map_ingredients ON contains(name, ingredient)
)
SELECT concept, drug_class, count(*) OVER (PARTITION BY concept) = 1 AS is_alone
FROM (
    SELECT DISTINCT concept, drug_class
    FROM found
    QUALIFY rank = min(rank) OVER (PARTITION BY concept)
)
