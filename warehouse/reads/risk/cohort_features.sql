-- The variables of each study of the development cohort.
SELECT feature.* EXCLUDE (study_key)
FROM cohort
JOIN feature USING (study_key)
WHERE cohort.role = 'development'
ORDER BY cohort.study_key;
