-- The terms of the source (made_asked) and the codes of the reviewed list, each with its own codes and with every code above
-- them (made_broader, made_vocabulary_relation): `distance` counts the steps, `level` only those by which the meaning gets
-- broader. A step to an ICD code, and one between codes that mean the same, is none; where the source does not say which it is
-- (relation 'either'), the first step from a code that is not SNOMED CT's is taken for what that local code stands for.
WITH RECURSIVE asked AS (
    SELECT term, key, vocabulary, code FROM made_asked
    UNION
    SELECT vocabulary || '//' || code, vocabulary || '//' || code, vocabulary, code
    FROM map_code_list
    WHERE kind = 'diagnosis' AND code IS NOT NULL
),
broader AS MATERIALIZED (
    SELECT child, key, vocabulary, code, relation FROM made_broader
    UNION
    SELECT child, key, vocabulary, code, relation FROM made_vocabulary_relation
),
-- By code and not by term, which are many more where a term is a text. SNOMED CT has fewer than 20 levels; 30 end a circle in
-- a damaged table.
climbed AS (
    SELECT DISTINCT key AS own_key, vocabulary AS own_vocabulary, key, vocabulary, code, 0 AS distance, 0 AS level
    FROM asked
    UNION
    SELECT
        own_key,
        own_vocabulary,
        broader.key,
        broader.vocabulary,
        broader.code,
        distance + 1,
        level + if(
            coalesce(starts_with(broader.vocabulary, 'ICD'), false)
            OR relation = 'same'
            OR (relation = 'either' AND distance = 0 AND own_vocabulary IS DISTINCT FROM 'SNOMED'),
            0,
            1
        )
    FROM climbed
    JOIN broader ON child = climbed.key
    WHERE distance < 30
),
reached AS (
    SELECT own_key, own_vocabulary, vocabulary, code, min(distance) AS distance, min(level) AS level
    FROM climbed
    GROUP BY ALL
)
SELECT term, own_vocabulary, reached.vocabulary, reached.code, min(distance) AS distance, min(level) AS level
FROM asked
JOIN reached ON own_key = asked.key
GROUP BY ALL
