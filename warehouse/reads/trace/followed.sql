-- The followed studies of patients with one of $roles that the evaluation reads for a figure: those with a score of $model by
-- models that were not trained on the patient; with $model null, all.
SELECT DISTINCT followed.study_key
FROM followed
LEFT JOIN score ON score.study_key = followed.study_key AND score.model = $model
LEFT JOIN clinical_score AS clinical
    ON clinical.study_key = followed.study_key AND clinical.score = $model AND clinical.applicable AND clinical.logit IS NOT NULL
LEFT JOIN external_score AS external ON external.study_key = followed.study_key AND external.model = $model
WHERE list_contains($roles, followed.role)
    AND ($model IS NULL OR score.logit IS NOT NULL OR clinical.logit IS NOT NULL OR external.logit IS NOT NULL)
ORDER BY followed.study_key;
