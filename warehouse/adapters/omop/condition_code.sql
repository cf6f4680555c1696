-- The ICD code of a condition, for every combination of its three columns, and how it was found (found_by):
--   source     its source concept (or its concept) is an ICD concept
--   value      its source value is an ICD code, and that code's concept maps to the condition's concept
--   map        the ICD-10 codes that map to its concept have one category: that category is used
--   ancestor   the same for the nearest ancestor of its concept to which any code maps
--   list       its most specific concepts on the reviewed list (class.sql) have a category: all of them are used. The list
--              decides where ICD-10 codes have several categories or none, or map to a farther ancestor only
--   several    the codes have several categories: none is used
--   none       there is no ICD code for it
-- If some codes map to this concept alone, only they are used. The others map to several concepts, of which this is one
-- part (hypertensive heart disease with heart failure).
WITH icd AS MATERIALIZED (
    SELECT
        TRY_CAST(concept_id AS BIGINT) AS concept_id,
        vocabulary_id AS vocabulary,
        concept_code AS code,
        upper(replace(concept_code, '.', '')) AS plain
    FROM raw_concept
    WHERE vocabulary_id IN ('ICD10CM', 'ICD10', 'ICD9CM')
),
maps_to AS MATERIALIZED (
    SELECT DISTINCT icd.*, other_id AS standard_id
    FROM made_relation
    JOIN icd USING (concept_id)
    WHERE relationship = 'Maps to'
),
mapped_code AS (
    SELECT standard_id, left(plain, 3) AS category, count(*) OVER (PARTITION BY concept_id) = 1 AS is_alone
    FROM maps_to
    WHERE vocabulary <> 'ICD9CM'
),
mapped AS (
    SELECT
        standard_id,
        coalesce(list(DISTINCT category) FILTER (is_alone), list(DISTINCT category)) AS categories
    FROM mapped_code
    GROUP BY standard_id
),
-- The concept itself (distance 0) and its ancestors; without table concept_ancestor only the concept.
candidate AS (
    SELECT standard_id AS concept_id, 0 AS distance, categories
    FROM mapped
    UNION ALL
    SELECT
        TRY_CAST(descendant_concept_id AS BIGINT), TRY_CAST(min_levels_of_separation AS INTEGER), categories
    FROM raw_concept_ancestor
    JOIN mapped ON mapped.standard_id = TRY_CAST(ancestor_concept_id AS BIGINT)
    WHERE TRY_CAST(min_levels_of_separation AS INTEGER) > 0
        AND TRY_CAST(descendant_concept_id AS BIGINT) IN (SELECT concept_id FROM made_condition)
),
nearest AS (
    SELECT concept_id, distance, list_distinct(flatten(list(categories))) AS categories
    FROM candidate
    GROUP BY concept_id, distance
    QUALIFY distance = min(distance) OVER (PARTITION BY concept_id)
),
-- 'none' on the list is a concept of a chapter that no group has.
listed AS (
    SELECT concept_id, list(target ORDER BY target) AS targets, min(distance) AS distance
    FROM made_class
    WHERE kind = 'diagnosis'
    GROUP BY concept_id
),
by_value AS (
    SELECT plain, standard_id, min(vocabulary) AS vocabulary, plain AS code
    FROM maps_to
    GROUP BY plain, standard_id
),
vocabulary AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, any_value(vocabulary_id) AS vocabulary
    FROM raw_concept
    WHERE TRY_CAST(concept_id AS BIGINT) IN (
        SELECT source_concept_id FROM made_condition UNION SELECT concept_id FROM made_condition
    )
    GROUP BY ALL
)
SELECT
    condition.*,
    CASE
        WHEN coalesce(source_icd.code, concept_icd.code) IS NOT NULL THEN 'source'
        WHEN by_value.code IS NOT NULL THEN 'value'
        WHEN coalesce(len(nearest.categories) > 1 OR listed.distance < nearest.distance, true)
            AND listed.targets IS NOT NULL
            THEN CASE WHEN listed.targets = ['none'] THEN 'none' ELSE 'list' END
        WHEN len(nearest.categories) > 1 THEN 'several'
        WHEN nearest.distance = 0 THEN 'map'
        WHEN nearest.distance > 0 THEN 'ancestor'
        ELSE 'none'
    END AS found_by,
    CASE found_by
        WHEN 'source' THEN coalesce(source_icd.vocabulary, concept_icd.vocabulary)
        WHEN 'value' THEN by_value.vocabulary
        WHEN 'several' THEN coalesce(source_vocabulary.vocabulary, concept_vocabulary.vocabulary)
        WHEN 'none' THEN coalesce(source_vocabulary.vocabulary, concept_vocabulary.vocabulary)
        ELSE 'ICD10CM'
    END AS vocabulary,
    unnest(CASE found_by
        WHEN 'source' THEN [coalesce(source_icd.code, concept_icd.code)]
        WHEN 'value' THEN [by_value.code]
        WHEN 'map' THEN nearest.categories[1:1]
        WHEN 'ancestor' THEN nearest.categories[1:1]
        WHEN 'list' THEN list_filter(listed.targets, lambda target: target <> 'none')
        ELSE [coalesce(nullif(condition.source_value, ''), 'concept ' || condition.concept_id)]
    END) AS code
FROM made_condition AS condition
LEFT JOIN icd AS source_icd ON source_icd.concept_id = condition.source_concept_id
LEFT JOIN icd AS concept_icd ON concept_icd.concept_id = condition.concept_id
LEFT JOIN by_value
    ON by_value.standard_id = condition.concept_id
    AND by_value.plain = upper(replace(trim(condition.source_value), '.', ''))
LEFT JOIN nearest ON nearest.concept_id = condition.concept_id
LEFT JOIN listed
    ON listed.concept_id = CASE condition.concept_id WHEN 0 THEN condition.source_concept_id ELSE condition.concept_id END
LEFT JOIN vocabulary AS source_vocabulary ON source_vocabulary.concept_id = condition.source_concept_id
LEFT JOIN vocabulary AS concept_vocabulary ON concept_vocabulary.concept_id = condition.concept_id
