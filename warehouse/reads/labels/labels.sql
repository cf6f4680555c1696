-- The label of each study of the cohort at every horizon, with the time at which the echo was made; dates as staged.
SELECT patient_key, study_at, horizon_days, label
FROM cohort_at_horizon
JOIN study USING (study_key, patient_key)
ORDER BY horizon_days, patient_key, study_at, study_key
