-- Scores of the headline studies with their labels, without keys.
SELECT score.model, score.view, score.logit, score.without, cohort.label, cohort.fold, cohort.days, cohort.event
FROM score
JOIN cohort USING (study_key)
WHERE cohort.headline AND cohort.role = 'development'
ORDER BY score.model, score.study_key;
