-- The scores of the project's own models $models.
SELECT study_key, model, logit, without
FROM score
WHERE list_contains($models, model)
ORDER BY model, study_key;
