-- How many studies of each year have a value of each variable; of a diagnosis group, how many have it on record.
WITH inputs AS (
    SELECT study_year AS year, feature.* EXCLUDE (study_key)
    FROM study
    JOIN feature USING (study_key)
)

SELECT variable, year, count_if(value IS NOT NULL AND NOT (variable LIKE 'dx\_%' ESCAPE '\' AND value = 0)) AS studies
FROM (SELECT year, CAST(COLUMNS(* EXCLUDE (year)) AS DOUBLE) FROM inputs)
UNPIVOT INCLUDE NULLS (value FOR variable IN (COLUMNS(* EXCLUDE (year))))
GROUP BY ALL
ORDER BY ALL
