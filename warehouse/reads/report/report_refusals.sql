-- Values and codes that features could not use, by reason, over all variables.
SELECT reason, CAST(sum(count) AS BIGINT) AS count
FROM feature_refusal
GROUP BY reason
ORDER BY reason
