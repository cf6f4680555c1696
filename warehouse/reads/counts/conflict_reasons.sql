-- Rows of one table that staging could not use as they were, by reason (for patients, merged record numbers too).
SELECT reason, CAST(sum(count) AS BIGINT) AS rows
FROM conflict
WHERE table_name = $table OR ($table = 'patient' AND table_name = 'identity')
GROUP BY reason
ORDER BY reason
