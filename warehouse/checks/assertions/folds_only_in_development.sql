-- asset: cohort
-- never: A fold outside the cross-validation.
-- Patients kept apart who have a fold, and patients of the development set who have none.
SELECT count(*) AS offending
FROM cohort
WHERE (role = 'development') <> (fold >= 0)
