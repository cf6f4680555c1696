-- The studies of the cohort with role and fold, follow-up and label; dates as staged.
SELECT patient_key, study_key, study_at, role, fold, days, event, label
FROM cohort
JOIN study USING (study_key, patient_key)
ORDER BY patient_key, study_at, study_key
