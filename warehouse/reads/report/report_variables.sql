-- How many of the studies that models learn from or score have a value of each variable; of a diagnosis group, how many
-- have it on record.
WITH inputs AS (
    SELECT feature.* EXCLUDE (study_key)
    FROM followed
    JOIN feature USING (study_key)
)

SELECT variable, count_if(value IS NOT NULL AND NOT (variable LIKE 'dx\_%' ESCAPE '\' AND value = 0)) AS studies
FROM (SELECT CAST(COLUMNS(*) AS DOUBLE) FROM inputs)
UNPIVOT INCLUDE NULLS (value FOR variable IN (COLUMNS(*)))
GROUP BY variable
ORDER BY variable;
