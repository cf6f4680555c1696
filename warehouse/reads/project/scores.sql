-- The log odds of every model, and of the models of sources.external_scores, of which no fold is kept.
SELECT study_key, model, fold, view, logit FROM score
UNION ALL
SELECT study_key, model, NULL, NULL, logit FROM external_score
ORDER BY model, study_key, view;
