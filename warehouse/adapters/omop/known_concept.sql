-- The meaning of a concept id. The site's vocabulary gives the LOINC or UCUM code of an id. A reviewed id of concepts.csv
-- is used only if that vocabulary does not have it.
WITH site_concept AS MATERIALIZED (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, vocabulary_id AS vocabulary, concept_code AS code
    FROM raw_concept
    WHERE vocabulary_id IN (SELECT vocabulary FROM map_concepts)
        OR TRY_CAST(concept_id AS BIGINT) IN (SELECT TRY_CAST(concept_id AS BIGINT) FROM map_concepts)
),
meaning AS (
    SELECT site_concept.concept_id, kind, target, 1 AS priority
    FROM site_concept
    JOIN map_concepts USING (vocabulary, code)
    UNION ALL
    SELECT concept_id, 'unit', code, 2
    FROM site_concept
    WHERE vocabulary = 'UCUM'
    UNION ALL
    SELECT TRY_CAST(concept_id AS BIGINT), kind, target, 3
    FROM map_concepts
    WHERE concept_id IS NOT NULL
        AND (kind NOT IN ('variable', 'unit') OR TRY_CAST(concept_id AS BIGINT) NOT IN (SELECT concept_id FROM site_concept))
)
SELECT concept_id, kind, min_by(target, priority) AS target
FROM meaning
GROUP BY concept_id, kind
