-- What staging could not take of one table as it was, by reason (of patients: with the record numbers that were joined).
SELECT reason, CAST(sum(count) AS BIGINT) AS rows
FROM conflict
WHERE table_name = $table OR ($table = 'patient' AND table_name = 'identity')
GROUP BY reason
ORDER BY reason
