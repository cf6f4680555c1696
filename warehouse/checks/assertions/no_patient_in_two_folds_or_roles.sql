-- asset: cohort
-- never: A patient in two folds or roles.
-- Patients in more than one fold or role: a model would be tested on patients of its training data.
SELECT count(*) AS offending
FROM (
    SELECT patient_key
    FROM cohort
    GROUP BY patient_key
    HAVING count(DISTINCT (role, fold)) > 1
)
