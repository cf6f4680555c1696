-- The models that scored one of $studies.
SELECT DISTINCT model FROM score WHERE list_contains($studies, study_key)
UNION
SELECT DISTINCT score FROM clinical_score WHERE list_contains($studies, study_key) AND applicable AND logit IS NOT NULL
ORDER BY model;
