-- asset: cohort
-- never: A fold outside the cross-validation.
-- Held-out studies with a fold, and studies of the development cohort without one.
SELECT count(*) AS offending
FROM cohort
WHERE (role = 'development') <> (fold >= 0)
