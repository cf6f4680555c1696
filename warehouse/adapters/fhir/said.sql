-- What each concept of an observation says, for every text that a concept has: the variable of its first coding that is
-- known.
WITH concept AS (
    SELECT DISTINCT code AS concept FROM made_part
),
coding AS (
    SELECT
        concept,
        unnest(json_parts(json_text(concept, '$.coding'))) AS one,
        generate_subscripts(json_parts(json_text(concept, '$.coding')), 1) AS place
    FROM concept
),
named AS (
    SELECT concept, place, coalesce(vocabulary, json_text(one, '$.system')) AS vocabulary, json_text(one, '$.code') AS code
    FROM coding
    LEFT JOIN map_systems ON map_systems.system = rtrim(lower(json_text(one, '$.system')), '/')
)
SELECT concept, min_by(target, (priority, place)) AS variable
FROM named
JOIN made_coded AS coded
    ON coded.code = named.code
    AND CASE
        WHEN coded.vocabulary IS NOT NULL THEN coded.vocabulary = named.vocabulary
        WHEN priority = 1 THEN true
        -- The name of a variable is no code of a standard.
        ELSE coalesce(named.vocabulary NOT IN (SELECT vocabulary FROM map_systems), true)
    END
WHERE target IN (SELECT name FROM map_variables) OR priority = 1
GROUP BY concept
