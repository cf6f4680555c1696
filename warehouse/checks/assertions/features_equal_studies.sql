-- asset: clinical_features
-- also: study
-- never: A study without its row of features.
-- Studies without exactly one row of features, and rows of features without a study.
SELECT count(*) AS offending
FROM (SELECT study_key, count(*) AS rows FROM feature GROUP BY study_key) AS made
FULL JOIN study USING (study_key)
WHERE rows IS NULL OR rows <> 1 OR study.patient_key IS NULL
