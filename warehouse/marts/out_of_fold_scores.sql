-- Scores of the cross-validation's studies, each by models that never saw the patient.
SELECT score.study_key, score.model, score.fold, score.logit
FROM score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development'
ORDER BY score.model, score.study_key;
