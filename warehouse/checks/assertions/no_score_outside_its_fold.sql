-- asset: fusion
-- also: cohort
-- never: A score by a model that saw the patient.
-- Out-of-fold scores that were not: a development patient's study scored by a model of another fold than the one that
-- left it out.
SELECT count(*) AS offending
FROM score
JOIN cohort USING (study_key)
WHERE cohort.role = 'development' AND score.fold >= 0 AND score.fold <> cohort.fold
