-- The out-of-fold log odds and risks of one model, with the labels, one a patient; those of an external model too.
SELECT
    followed.study_key, followed.patient_key, followed.fold, followed.label, scored.logit,
    1 / (1 + exp(-scored.logit)) AS risk
FROM (
    SELECT study_key, model, logit FROM score
    UNION ALL
    SELECT study_key, model, logit FROM external_score
) AS scored
JOIN followed USING (study_key)
WHERE scored.model = $model AND followed.headline AND followed.role = 'development' AND followed.label IS NOT NULL
    AND scored.logit IS NOT NULL
ORDER BY followed.study_key;
