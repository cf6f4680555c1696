-- Out-of-fold scores of the studies of the cross-validation, and the clinical scores (which are not trained here) of
-- studies to which they apply and for which they could be computed.
SELECT score.study_key, score.model, score.fold, score.logit, score.without
FROM score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development'
UNION ALL
SELECT clinical_score.study_key, clinical_score.score, -1, clinical_score.logit, NULL
FROM clinical_score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development' AND applicable AND logit IS NOT NULL
ORDER BY ALL
