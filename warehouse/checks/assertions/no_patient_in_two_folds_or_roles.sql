-- asset: cohort
-- never: A patient in two folds or roles.
-- Patients found in more than one fold, role, or both: a model would be tested on a heart it has seen.
SELECT count(*) AS offending
FROM (
    SELECT patient_key
    FROM cohort
    GROUP BY patient_key
    HAVING count(DISTINCT (role, fold)) > 1
)
