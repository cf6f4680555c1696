-- The rows of definitions/clip_input.sql, of all studies or of $studies, in a fixed order.
SELECT *
FROM clip_input
WHERE $studies IS NULL OR list_contains($studies, study_key)
ORDER BY study_key, instance_key;
