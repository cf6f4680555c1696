-- The ICD codes (target) of each term that is a diagnosis, and how they were found (found_by), by the same order of evidence
-- as omop/condition_code.sql:
--   source     it is an ICD code, or a local code that stands for ICD codes: all of them are used
--   map        the ICD codes of a SNOMED code have one category
--   ancestor   the same for the nearest code above it that has ICD codes
--   list       its most specific codes on the reviewed list, where ICD codes have several categories or none, or are farther
--   several    the ICD codes have several categories, and the list says nothing: none is used
WITH icd AS (
    SELECT term, own_vocabulary, vocabulary, code, left(upper(replace(code, '.', '')), 3) AS category, level
    FROM made_above
    WHERE starts_with(vocabulary, 'ICD')
    QUALIFY (level, distance) = min((level, distance)) OVER (PARTITION BY term)
),
nearest AS (
    SELECT
        term,
        level,
        level = 0 AND bool_or(own_vocabulary IS DISTINCT FROM 'SNOMED') AS is_own,
        list(DISTINCT vocabulary || '//' || code) AS codes,
        coalesce(
            list(DISTINCT 'ICD10CM//' || category) FILTER (vocabulary <> 'ICD9CM'), list(DISTINCT 'ICD9CM//' || code)
        ) AS categories
    FROM icd
    GROUP BY term, level
),
listed AS (
    SELECT vocabulary, code, target, descendants = 'yes' AS with_descendants, string_split(coalesce(excluded, ''), ' ') AS excluded
    FROM map_code_list
    WHERE kind = 'diagnosis' AND code IS NOT NULL
),
candidate AS (
    SELECT above.term, above.level, listed.vocabulary || '//' || listed.code AS listed_term, target
    FROM made_above AS above
    JOIN listed USING (vocabulary, code)
    WHERE level = 0
        OR (
            with_descendants
            AND NOT EXISTS (
                FROM made_above AS barred
                WHERE barred.term = above.term
                    AND barred.vocabulary = listed.vocabulary
                    AND list_contains(excluded, barred.code)
            )
        )
),
by_list AS (
    SELECT term, list(DISTINCT target ORDER BY target) AS targets, min(level) AS level
    FROM candidate
    WHERE NOT EXISTS (
        FROM candidate AS lower
        JOIN made_above AS relation ON relation.term = lower.listed_term
        WHERE lower.term = candidate.term
            AND lower.listed_term <> candidate.listed_term
            AND relation.vocabulary || '//' || relation.code = candidate.listed_term
    )
    GROUP BY term
),
decided AS (
    SELECT
        term,
        CASE
            WHEN is_own THEN 'source'
            WHEN coalesce(len(categories) > 1 OR by_list.level < nearest.level, true) AND targets IS NOT NULL THEN 'list'
            WHEN len(categories) > 1 THEN 'several'
            WHEN nearest.level = 0 THEN 'map'
            ELSE 'ancestor'
        END AS found_by,
        CASE found_by
            WHEN 'source' THEN codes
            WHEN 'map' THEN if(len(codes) = 1, codes, categories)
            WHEN 'ancestor' THEN categories
            WHEN 'list' THEN list_transform(list_filter(targets, lambda one: one <> 'none'), lambda one: 'ICD10CM//' || one)
            ELSE [NULL]
        END AS targets
    FROM nearest
    FULL JOIN by_list USING (term)
)
SELECT term, unnest(targets) AS target, found_by
FROM decided
WHERE term IN (SELECT term FROM made_asked)
