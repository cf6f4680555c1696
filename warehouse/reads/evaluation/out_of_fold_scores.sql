-- Scores of the cross-validation's studies, each by models that never saw the patient; the clinical scores, which saw
-- nobody, where they apply and could be computed.
SELECT score.study_key, score.model, score.fold, score.logit
FROM score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development'
UNION ALL
SELECT clinical_score.study_key, clinical_score.score, -1, clinical_score.logit
FROM clinical_score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development' AND applicable AND logit IS NOT NULL
ORDER BY ALL
