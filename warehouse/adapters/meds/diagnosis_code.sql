-- The ICD codes (target) of each code of the events that is a diagnosis and not in the site's code_map, and how they were found (found_by), by the same order
-- of evidence as omop/condition_code.sql:
--   source     it is an ICD code, or a local code that stands for ICD codes: all of them are used
--   map        the ICD codes of a SNOMED code have one category
--   ancestor   the same for the nearest code above it that has ICD codes
--   list       its most specific codes on the reviewed list, where ICD codes have several categories or none, or are farther
--   several    the ICD codes have several categories, and the list says nothing: none is used
WITH icd AS (
    SELECT code, own_vocabulary, vocabulary, local_code, left(upper(replace(local_code, '.', '')), 3) AS category, level
    FROM made_above
    WHERE starts_with(vocabulary, 'ICD')
    QUALIFY (level, distance) = min((level, distance)) OVER (PARTITION BY code)
),
nearest AS (
    SELECT
        code,
        level,
        level = 0 AND any_value(own_vocabulary) IS DISTINCT FROM 'SNOMED' AS is_own,
        list(DISTINCT vocabulary || '//' || local_code) AS codes,
        coalesce(
            list(DISTINCT 'ICD10CM//' || category) FILTER (vocabulary <> 'ICD9CM'), list(DISTINCT 'ICD9CM//' || local_code)
        ) AS categories
    FROM icd
    GROUP BY code, level
),
listed AS (
    SELECT vocabulary, code, target, descendants = 'yes' AS with_descendants, string_split(coalesce(excluded, ''), ' ') AS excluded
    FROM map_code_list
    WHERE kind = 'diagnosis' AND code IS NOT NULL
),
candidate AS (
    SELECT above.code, above.level, listed.vocabulary || '//' || listed.code AS listed_code, target
    FROM made_above AS above
    JOIN listed ON listed.vocabulary = above.vocabulary AND listed.code = above.local_code
    WHERE level = 0
        OR (
            with_descendants
            AND NOT EXISTS (
                FROM made_above AS barred
                WHERE barred.code = above.code
                    AND barred.vocabulary = listed.vocabulary
                    AND list_contains(excluded, barred.local_code)
            )
        )
),
by_list AS (
    SELECT code, list(DISTINCT target ORDER BY target) AS targets, min(level) AS level
    FROM candidate
    WHERE NOT EXISTS (
        FROM candidate AS lower
        JOIN made_above AS relation ON relation.code = lower.listed_code
        WHERE lower.code = candidate.code
            AND lower.listed_code <> candidate.listed_code
            AND relation.vocabulary || '//' || relation.local_code = candidate.listed_code
    )
    GROUP BY code
),
decided AS (
    SELECT
        code,
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
    FULL JOIN by_list USING (code)
)
SELECT code, unnest(targets) AS target, found_by
FROM decided
WHERE code IN (SELECT CAST(code AS VARCHAR) FROM raw_data)
    AND code NOT IN (SELECT as_text(code) FROM raw_code_map WHERE as_text(code) IS NOT NULL AND as_text(target) IS NOT NULL)
