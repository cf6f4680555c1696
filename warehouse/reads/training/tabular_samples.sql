-- The labelled studies with their features, in a fixed order.
SELECT cohort.study_key, cohort.patient_key, cohort.fold, cohort.label, feature.* EXCLUDE (study_key)
FROM cohort
JOIN feature USING (study_key)
ORDER BY cohort.study_key;
