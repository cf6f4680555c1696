-- Patients of the sealed set and how many of them died within the horizon of their headline study; then the same of the
-- whole cohort.
SELECT
    count(*) FILTER (role = 'sealed') AS patients,
    count(*) FILTER (role = 'sealed' AND label = 1) AS deaths,
    count(*) AS all_patients,
    count(*) FILTER (label = 1) AS all_deaths
FROM cohort
WHERE headline;
