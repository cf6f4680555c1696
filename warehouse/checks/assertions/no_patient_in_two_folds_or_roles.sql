-- asset: cohort
-- never: A patient in two folds or roles.
-- Patients in more than one fold or role, also at different horizons: a model would be tested on patients of its training
-- data.
SELECT count(*) AS offending
FROM (
    SELECT patient_key
    FROM (
        SELECT patient_key, role, fold FROM cohort
        UNION ALL
        SELECT patient_key, role, fold FROM cohort_at_horizon
    )
    GROUP BY patient_key
    HAVING count(DISTINCT (role, fold)) > 1
)
