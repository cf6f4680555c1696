-- The clinical scores of the headline studies, with the reason for a missing score.
SELECT clinical_score.study_key, score, value, applicable, reason, cohort.label
FROM clinical_score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development' AND cohort.headline
ORDER BY ALL
