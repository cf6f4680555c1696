-- asset: cohort
-- also: outcomes
-- never: A cohort that is another at its own horizon, or a patient lost from the cohort of a horizon.
-- Studies of the cohort that differ at the main horizon of cohort_at_horizon, or are in one of the two alone; and patients who
-- have a study in the cohort of one horizon that is labelled at another, but are not in the cohort of that other one.
WITH main AS (
    SELECT cohort_at_horizon.*
    FROM cohort_at_horizon
    JOIN outcome_rule USING (horizon_days)
),
differing AS (
    SELECT count(*) AS studies
    FROM cohort
    FULL JOIN main USING (study_key)
    WHERE (cohort.patient_key, cohort.role, cohort.fold, cohort.label, cohort.headline)
        IS DISTINCT FROM (main.patient_key, main.role, main.fold, main.label, main.headline)
),
lost AS (
    SELECT count(DISTINCT (chosen.patient_key, labelled.horizon_days)) AS patients
    FROM cohort_at_horizon AS chosen
    JOIN outcome_at_horizon AS labelled ON labelled.study_key = chosen.study_key AND labelled.label IS NOT NULL
    ANTI JOIN cohort_at_horizon AS other
        ON other.patient_key = chosen.patient_key AND other.horizon_days = labelled.horizon_days
)
SELECT differing.studies + lost.patients AS offending
FROM differing, lost
