-- Which listed concepts are ancestors of a used or a listed concept, and how many levels above it: by table
-- concept_ancestor. Where the extract lacks it, by the relationships 'Is a' and 'Subsumes' as far as they are given.
WITH RECURSIVE asked AS (
    SELECT standard_id AS concept_id FROM made_standard
    UNION
    SELECT listed_id FROM made_listed
),
parent AS MATERIALIZED (
    SELECT concept_id AS child_id, other_id AS parent_id FROM made_relation WHERE relationship = 'Is a'
    UNION
    SELECT other_id, concept_id FROM made_relation WHERE relationship = 'Subsumes'
),
-- SNOMED CT has fewer than 20 levels; 30 end a circle in a damaged table.
above AS (
    SELECT concept_id AS descendant_id, parent_id AS ancestor_id, 1 AS distance
    FROM asked
    JOIN parent ON child_id = concept_id
    UNION
    SELECT descendant_id, parent_id, distance + 1
    FROM above
    JOIN parent ON child_id = ancestor_id
    WHERE distance < 30
),
relation AS (
    SELECT
        TRY_CAST(descendant_concept_id AS BIGINT) AS descendant_id,
        TRY_CAST(ancestor_concept_id AS BIGINT) AS ancestor_id,
        coalesce(TRY_CAST(min_levels_of_separation AS INTEGER), 1) AS distance
    FROM raw_concept_ancestor
    UNION ALL
    FROM above
)
SELECT descendant_id, ancestor_id, min(distance) AS distance
FROM relation
WHERE descendant_id IN (SELECT concept_id FROM asked)
    AND ancestor_id IN (SELECT listed_id FROM made_listed)
    AND descendant_id <> ancestor_id
GROUP BY descendant_id, ancestor_id
