-- asset: fusion
-- also: cohort
-- never: A score by a model that was trained on the patient.
-- Scores of development patients that are not out of fold: the model left out another fold than the patient's.
SELECT count(*) AS offending
FROM score
JOIN followed USING (study_key)
WHERE followed.role = 'development' AND score.fold >= 0 AND score.fold <> followed.fold
