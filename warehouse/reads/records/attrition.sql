-- The steps from every study to the cohort. Its roles are drawn by pseudonyms, and those of a throw-away key tell nothing.
SELECT reason, studies, patients
FROM attrition
WHERE NOT starts_with(reason, 'ROLE_')
ORDER BY step
