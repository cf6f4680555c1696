-- What a concept id means. The site's own vocabulary says which LOINC or UCUM code an id stands for; a reviewed id counts
-- only where that vocabulary does not have it.
WITH own AS MATERIALIZED (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, vocabulary_id AS vocabulary, concept_code AS code
    FROM raw_concept
    WHERE vocabulary_id IN (SELECT vocabulary FROM map_concepts)
        OR TRY_CAST(concept_id AS BIGINT) IN (SELECT TRY_CAST(concept_id AS BIGINT) FROM map_concepts)
),
said AS (
    SELECT own.concept_id, kind, target, 1 AS place
    FROM own
    JOIN map_concepts USING (vocabulary, code)
    UNION ALL
    SELECT concept_id, 'unit', code, 2
    FROM own
    WHERE vocabulary = 'UCUM'
    UNION ALL
    SELECT TRY_CAST(concept_id AS BIGINT), kind, target, 3
    FROM map_concepts
    WHERE concept_id IS NOT NULL
        AND (kind NOT IN ('variable', 'unit') OR TRY_CAST(concept_id AS BIGINT) NOT IN (SELECT concept_id FROM own))
)
SELECT concept_id, kind, min_by(target, place) AS target
FROM said
GROUP BY concept_id, kind
