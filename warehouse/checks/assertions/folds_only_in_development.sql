-- asset: cohort
-- never: A fold outside the cross-validation.
-- Held-out studies with a fold, and studies of the development cohort without one; at every horizon.
SELECT count(*) AS offending
FROM (SELECT role, fold FROM cohort UNION ALL SELECT role, fold FROM cohort_at_horizon)
WHERE (role = 'development') <> (fold >= 0)
