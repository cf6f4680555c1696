-- The patients on whom models are trained and judged, and how many of them died within the horizon of their headline study.
SELECT count(*) AS patients, count(*) FILTER (label = 1) AS deaths
FROM cohort
WHERE role = 'development' AND headline;
