-- Logits and labels of every model: out of fold, to fit the calibration of predictions, and held out, to compare with
-- the champion.
SELECT score.model, score.study_key, score.logit, cohort.label, cohort.role <> 'development' AS held_out
FROM score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development' OR cohort.headline
ORDER BY score.model, score.study_key;
