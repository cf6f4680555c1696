-- asset: outcomes
-- also: study
-- never: A study dead at one horizon and alive at a later one, or without its row at a horizon.
-- Studies that are alive at a horizon after one at which they are dead; pairs of study and horizon that do not have exactly
-- one row; and studies whose row at the main horizon differs from table outcome.
WITH lived_on AS (
    SELECT count(*) AS studies
    FROM (
        SELECT study_key
        FROM outcome_at_horizon
        GROUP BY study_key
        HAVING max(horizon_days) FILTER (label = 0) > min(horizon_days) FILTER (label = 1)
    )
),
uneven AS (
    SELECT count(*) AS pairs
    FROM study
    CROSS JOIN (SELECT DISTINCT horizon_days FROM outcome_at_horizon) AS horizon
    FULL JOIN (SELECT study_key, horizon_days, count(*) AS rows FROM outcome_at_horizon GROUP BY ALL) AS made
        USING (study_key, horizon_days)
    WHERE study.patient_key IS NULL OR made.rows IS DISTINCT FROM 1
),
other AS (
    SELECT count(*) AS studies
    FROM outcome
    CROSS JOIN outcome_rule
    LEFT JOIN outcome_at_horizon AS main USING (study_key, horizon_days)
    WHERE (outcome.patient_key, outcome.label, outcome.reason) IS DISTINCT FROM (main.patient_key, main.label, main.reason)
)
SELECT lived_on.studies + uneven.pairs + other.studies AS offending
FROM lived_on, uneven, other
