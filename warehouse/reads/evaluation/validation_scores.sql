-- The clinical scores, which are not trained here, of the studies $studies to which they apply and for which they could be
-- computed.
SELECT study_key, score AS model, logit
FROM clinical_score
WHERE list_contains($studies, study_key) AND applicable AND logit IS NOT NULL
ORDER BY ALL;
