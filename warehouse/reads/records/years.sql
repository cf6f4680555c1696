-- Studies, labelled ones and deaths within the horizon, by year of the study.
SELECT
    study_year AS year,
    count(*) AS studies,
    count(outcome.label) AS labelled,
    CAST(coalesce(sum(outcome.label), 0) AS BIGINT) AS deaths
FROM study
LEFT JOIN outcome USING (study_key)
GROUP BY study_year
ORDER BY study_year NULLS LAST
