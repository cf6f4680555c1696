-- The meaning of a concept id. The site's vocabulary gives the LOINC or UCUM code of an id. A reviewed id is used only if
-- that vocabulary does not have it. What the site's own codes say comes first.
WITH site_concept AS MATERIALIZED (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, vocabulary_id AS vocabulary, concept_code AS code
    FROM raw_concept
    WHERE vocabulary_id IN (SELECT vocabulary FROM made_code)
        OR TRY_CAST(concept_id AS BIGINT) IN (SELECT concept_id FROM made_code)
),
meaning AS (
    SELECT site_concept.concept_id, kind, target, CASE WHEN is_site THEN 0 ELSE 1 END AS priority
    FROM site_concept
    JOIN made_code USING (vocabulary, code)
    UNION ALL
    SELECT concept_id, 'unit', code, 2
    FROM site_concept
    WHERE vocabulary = 'UCUM'
    UNION ALL
    SELECT concept_id, kind, target, CASE WHEN is_site THEN 0 ELSE 3 END
    FROM made_code
    WHERE concept_id IS NOT NULL
        AND (is_site OR kind NOT IN ('variable', 'unit') OR concept_id NOT IN (SELECT concept_id FROM site_concept))
)
SELECT concept_id, kind, min_by(target, priority) AS target
FROM meaning
GROUP BY concept_id, kind
