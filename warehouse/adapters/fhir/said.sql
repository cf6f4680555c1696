-- What each concept of an observation says, for every text that a concept has: the variable of its first coding that is
-- known; or the variables to which a coding is an answer itself (is_told: NYHA class III, ex-smoker). Who smokes is also said to
-- smoke now or not. is_further: a variable beside the first of the concept.
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
    LEFT JOIN map_systems ON map_systems.system = code_system(json_text(one, '$.system'))
),
known AS (
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
)
SELECT concept, variable, false AS is_told, false AS is_further
FROM known
UNION ALL
SELECT concept, 'current_smoker', false, true
FROM known
WHERE variable = 'smoking'
UNION ALL
SELECT concept, variable, true, row_number() OVER (PARTITION BY concept ORDER BY variable) > 1
FROM named
JOIN map_answers USING (vocabulary, code)
WHERE NOT ends_with(variable, '_grade') AND concept NOT IN (SELECT concept FROM known)
GROUP BY concept, variable
