-- Out-of-fold scores of the labelled and censored studies of the cross-validation, and the clinical scores (which are not trained here) of
-- studies to which they apply and for which they could be computed.
SELECT score.study_key, score.model, score.fold, score.logit, score.without
FROM score
JOIN followed USING (study_key)
WHERE followed.role = 'development'
UNION ALL
SELECT clinical_score.study_key, clinical_score.score, -1, clinical_score.logit, NULL
FROM clinical_score
JOIN followed USING (study_key)
WHERE followed.role = 'development' AND applicable AND logit IS NOT NULL
ORDER BY ALL
