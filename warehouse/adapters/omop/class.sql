-- What the lists say of a used concept: the targets of its most specific listed concepts (itself or an ancestor). One
-- that has another of them below it says nothing, and neither does one that excludes a concept above the used one.
WITH candidate AS (
    SELECT kind, concept_id, listed_id, target, 0 AS distance
    FROM made_standard
    JOIN made_listed ON listed_id = standard_id
    UNION
    SELECT kind, concept_id, listed_id, target, distance
    FROM made_standard
    JOIN made_is_a ON descendant_id = standard_id
    JOIN made_listed ON listed_id = ancestor_id AND with_descendants
    WHERE NOT EXISTS (
        FROM made_is_a AS relation
        JOIN made_listed AS barred ON barred.listed_id = relation.ancestor_id
        WHERE relation.descendant_id = standard_id
            AND barred.kind = made_listed.kind
            AND list_contains(made_listed.excluded, barred.code)
    )
)
SELECT kind, concept_id, target, min(distance) AS distance
FROM candidate
WHERE NOT EXISTS (
    FROM candidate AS lower
    JOIN made_is_a ON descendant_id = lower.listed_id AND ancestor_id = candidate.listed_id
    WHERE lower.kind = candidate.kind AND lower.concept_id = candidate.concept_id
)
GROUP BY ALL
