-- asset: cohort
-- never: A study twice in the cohort.
-- Studies that are in the cohort more than once, and patients without exactly one headline study; at every horizon.
WITH chosen AS (
    SELECT study_key, patient_key, headline, NULL AS horizon_days FROM cohort
    UNION ALL
    SELECT study_key, patient_key, headline, horizon_days FROM cohort_at_horizon
)
SELECT
    (SELECT count(*) - count(DISTINCT (study_key, horizon_days)) FROM chosen)
    + (SELECT count(*) FROM (SELECT patient_key FROM chosen GROUP BY patient_key, horizon_days HAVING count_if(headline) <> 1))
    AS offending
