-- The columns of the cohort that the report describes.
SELECT cohort.role, cohort.fold, cohort.label, cohort.headline, cohort.days, cohort.event, feature.age, patient.sex
FROM cohort
JOIN patient ON patient.patient_key = cohort.patient_key
LEFT JOIN feature USING (study_key)
ORDER BY cohort.study_key;
