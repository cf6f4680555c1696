-- The relationships that are read, as far as they are valid. 'Is a' and 'Subsumes' are only needed where the extract lacks
-- table concept_ancestor; a release of SNOMED CT gives 'Is a' too.
SELECT DISTINCT
    TRY_CAST(concept_id_1 AS BIGINT) AS concept_id,
    TRY_CAST(concept_id_2 AS BIGINT) AS other_id,
    relationship_id AS relationship
FROM raw_concept_relationship
WHERE invalid_reason IS NULL
    AND (
        relationship_id IN ('Maps to', 'Concept replaced by')
        OR (relationship_id IN ('Is a', 'Subsumes') AND NOT EXISTS (FROM raw_concept_ancestor))
    )
UNION
SELECT TRY_CAST(lower.concept_id AS BIGINT), TRY_CAST(upper.concept_id AS BIGINT), 'Is a'
FROM made_snomed_is_a
JOIN raw_concept AS lower ON lower.concept_code = child AND lower.vocabulary_id = 'SNOMED'
JOIN raw_concept AS upper ON upper.concept_code = parent AND upper.vocabulary_id = 'SNOMED'
WHERE NOT EXISTS (FROM raw_concept_ancestor)
