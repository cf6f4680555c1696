-- Scores of the labelled and censored studies of patients with one of $roles, by models that were not trained on the
-- patient; and the clinical scores (which are not trained here) of studies to which they apply and for which they could
-- be computed; and external scores, of which nobody here knows what they learned from.
SELECT score.study_key, score.model, score.fold, score.logit, score.without
FROM score
JOIN followed USING (study_key)
WHERE list_contains($roles, followed.role)
UNION ALL
SELECT clinical_score.study_key, clinical_score.score, -1, clinical_score.logit, NULL
FROM clinical_score
JOIN followed USING (study_key)
WHERE list_contains($roles, followed.role) AND applicable AND logit IS NOT NULL
UNION ALL
SELECT external_score.study_key, external_score.model, -1, external_score.logit, NULL
FROM external_score
JOIN followed USING (study_key)
WHERE list_contains($roles, followed.role)
ORDER BY ALL
