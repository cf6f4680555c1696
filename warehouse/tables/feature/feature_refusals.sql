-- Values that features can't use, by reason.
SELECT reason, CAST(sum(count) AS BIGINT) AS rows
FROM feature_refusal
GROUP BY reason
ORDER BY reason
