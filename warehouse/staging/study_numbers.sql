-- Every study's number.
SELECT DISTINCT as_text(study_id) AS study_id
FROM source_study
WHERE as_text(study_id) IS NOT NULL
ORDER BY study_id
