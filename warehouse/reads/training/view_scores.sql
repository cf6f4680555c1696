-- Label and out-of-fold score, by view, of the labelled studies of development patients that the headline figures use.
SELECT score.view, score.logit, cohort.label
FROM score
JOIN cohort USING (study_key)
WHERE score.view IS NOT NULL AND score.fold >= 0 AND cohort.role = 'development' AND cohort.headline
ORDER BY score.view, score.study_key
