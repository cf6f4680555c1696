-- Logits and labels of every model: out of fold, for the calibration that predictions go through, and held out, for the
-- comparison with the champion.
SELECT score.model, score.study_key, score.logit, cohort.label, cohort.role <> 'development' AS held_out
FROM score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development' OR cohort.headline
ORDER BY score.model, score.study_key;
