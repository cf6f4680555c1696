-- asset: cohort
-- also: outcomes
-- never: A study in the cohort without a label.
-- Studies in the cohort without a label, or with another label or patient than in table outcome.
SELECT count(*) AS offending
FROM cohort
LEFT JOIN outcome USING (study_key)
WHERE outcome.label IS NULL OR outcome.label <> cohort.label OR outcome.patient_key <> cohort.patient_key
