-- Every study's number.
SELECT DISTINCT study_id
FROM source_study
WHERE study_id IS NOT NULL
ORDER BY study_id
