-- The diagnosis groups for which neither the reviewed list nor the site's own has a concept, with the conditions that fall
-- into them by an ICD code; none where the list was not needed.
WITH listed AS (
    SELECT target AS category, code IS NOT NULL AS has_concept
    FROM map_code_list
    WHERE kind = 'diagnosis'
    UNION ALL
    SELECT trim(target), true
    FROM raw_site_code
    WHERE trim(kind) = 'diagnosis'
),
not_listed AS (
    SELECT category
    FROM listed
    GROUP BY category
    HAVING NOT bool_or(has_concept)
)
SELECT category, count(code) AS rows
FROM not_listed
LEFT JOIN made_condition_code AS coded ON left(code, 3) = category AND vocabulary = 'ICD10CM'
WHERE EXISTS (FROM made_condition_code WHERE found_by IN ('list', 'none'))
GROUP BY category
