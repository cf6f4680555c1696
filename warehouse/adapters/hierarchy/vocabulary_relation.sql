-- What the tables of a vocabulary say of codes of SNOMED CT: the code above a code (relation broader), the code that replaced
-- it (same), and the ICD-10 codes that map to it (same). By Athena's tables (concept, concept_relationship,
-- concept_ancestor), and by the relationships of a SNOMED CT release (snomed_is_a.sql), as far as valid; none where neither is
-- there. If some ICD codes map to a concept alone, only they are used, as omop/condition_code.sql does.
WITH concept AS MATERIALIZED (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, vocabulary_id AS vocabulary, concept_code AS code
    FROM raw_concept
    WHERE vocabulary_id IN ('SNOMED', 'ICD10CM', 'ICD10')
),
relationship AS MATERIALIZED (
    SELECT lower.concept_id, lower.vocabulary, lower.code, upper.code AS other_code, relationship_id
    FROM raw_concept_relationship AS relation
    JOIN concept AS lower ON lower.concept_id = TRY_CAST(concept_id_1 AS BIGINT)
    JOIN concept AS upper ON upper.concept_id = TRY_CAST(concept_id_2 AS BIGINT)
    WHERE invalid_reason IS NULL
        AND relationship_id IN ('Is a', 'Subsumes', 'Maps to', 'Concept replaced by')
        AND lower.concept_id <> upper.concept_id
        AND upper.vocabulary = 'SNOMED'
),
mapped AS (
    SELECT other_code AS snomed, vocabulary, code, count(*) OVER (PARTITION BY concept_id) = 1 AS is_alone
    FROM relationship
    WHERE relationship_id = 'Maps to' AND vocabulary <> 'SNOMED'
),
pair AS (
    SELECT code AS child, 'SNOMED' AS vocabulary, other_code AS code, if(relationship_id = 'Is a', 'broader', 'same') AS relation
    FROM relationship
    WHERE vocabulary = 'SNOMED' AND relationship_id <> 'Subsumes'
    UNION
    SELECT other_code, 'SNOMED', code, 'broader'
    FROM relationship
    WHERE vocabulary = 'SNOMED' AND relationship_id = 'Subsumes'
    UNION
    SELECT lower.code, 'SNOMED', upper.code, 'broader'
    FROM raw_concept_ancestor
    JOIN concept AS lower ON lower.concept_id = TRY_CAST(descendant_concept_id AS BIGINT)
    JOIN concept AS upper ON upper.concept_id = TRY_CAST(ancestor_concept_id AS BIGINT)
    WHERE TRY_CAST(min_levels_of_separation AS INTEGER) = 1 AND lower.vocabulary = 'SNOMED' AND upper.vocabulary = 'SNOMED'
    UNION
    SELECT child, 'SNOMED', parent, 'broader'
    FROM made_snomed_is_a
    UNION
    SELECT snomed, vocabulary, code, 'same'
    FROM mapped
    QUALIFY is_alone OR NOT bool_or(is_alone) OVER (PARTITION BY snomed)
)
SELECT 'SNOMED//' || child AS child, vocabulary || '//' || code AS key, vocabulary, code, relation
FROM pair
