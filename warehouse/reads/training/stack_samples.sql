-- The scores of the labelled and censored studies by the views' models and the health-record model $ehr_model: one row for each study
-- and model, with the study's patient, fold and label (-1: unknown).
SELECT
    followed.study_key,
    followed.patient_key,
    followed.fold,
    coalesce(followed.label, -1) AS label,
    score.model,
    score.logit,
    score.without
FROM followed
LEFT JOIN score ON score.study_key = followed.study_key AND (score.view IS NOT NULL OR score.model = $ehr_model)
ORDER BY followed.study_key, score.model;
