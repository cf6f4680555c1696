-- The models that scored one of $studies.
SELECT DISTINCT model FROM score WHERE study_key IN (SELECT unnest($studies::VARCHAR[]))
UNION
SELECT DISTINCT score FROM clinical_score WHERE study_key IN (SELECT unnest($studies::VARCHAR[])) AND applicable AND logit IS NOT NULL
UNION
SELECT model FROM external_score WHERE study_key IN (SELECT unnest($studies::VARCHAR[]))
ORDER BY model;
