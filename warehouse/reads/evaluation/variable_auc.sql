-- How well each variable alone ranks the headline studies of the cross-validation by their outcome: the AUC (ties count
-- half) of its value, among studies that have it, and of whether a study has it, among all.
WITH labelled AS (
    SELECT cohort.label AS __label, feature.* EXCLUDE (study_key)
    FROM feature
    JOIN cohort USING (study_key)
    WHERE cohort.role = 'development' AND cohort.headline AND cohort.label IS NOT NULL
),
tally AS (
    SELECT variable, value, count_if(__label = 1) AS deaths, count_if(__label = 0) AS survivors
    FROM (SELECT __label, CAST(COLUMNS(* EXCLUDE (__label)) AS DOUBLE) FROM labelled)
    UNPIVOT INCLUDE NULLS (value FOR variable IN (COLUMNS(* EXCLUDE (__label))))
    GROUP BY ALL
),
ranked AS (
    SELECT
        *,
        sum(survivors) OVER (PARTITION BY variable ORDER BY value ROWS UNBOUNDED PRECEDING) - survivors / 2 AS survivors_below
    FROM tally
    WHERE value IS NOT NULL
),
whole AS (
    SELECT
        variable,
        sum(deaths) AS deaths,
        sum(survivors) AS survivors,
        sum(deaths) FILTER (value IS NOT NULL) AS deaths_present,
        sum(survivors) FILTER (value IS NOT NULL) AS survivors_present
    FROM tally
    GROUP BY variable
)
SELECT
    variable,
    'value' AS predictor,
    sum(deaths * survivors_below) / (sum(deaths) * sum(survivors)) AS auc,
    CAST(sum(deaths + survivors) AS BIGINT) AS n,
    CAST(sum(deaths) AS BIGINT) AS events
FROM ranked
GROUP BY variable
HAVING sum(deaths) > 0 AND sum(survivors) > 0
UNION ALL
SELECT
    variable,
    'presence',
    0.5 + (coalesce(deaths_present, 0) / deaths - coalesce(survivors_present, 0) / survivors) / 2,
    CAST(deaths + survivors AS BIGINT),
    CAST(deaths AS BIGINT)
FROM whole
WHERE deaths > 0 AND survivors > 0
ORDER BY ALL
