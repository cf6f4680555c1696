-- asset: cohort
-- also: outcomes
-- never: A study in the cohort without a label.
-- Studies in the cohort without a label, or with another label or patient than in table outcome; at every horizon.
SELECT
    (
        SELECT count(*)
        FROM cohort
        LEFT JOIN outcome USING (study_key)
        WHERE outcome.label IS NULL OR outcome.label <> cohort.label OR outcome.patient_key <> cohort.patient_key
    )
    + (
        SELECT count(*)
        FROM cohort_at_horizon AS chosen
        LEFT JOIN outcome_at_horizon AS known USING (study_key, horizon_days)
        WHERE known.label IS NULL OR known.label <> chosen.label OR known.patient_key <> chosen.patient_key
    ) AS offending
