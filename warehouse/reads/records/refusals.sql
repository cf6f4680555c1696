-- Values and codes that features could not use, by variable and reason, the most frequent first.
SELECT variable, reason, count
FROM feature_refusal
ORDER BY count DESC, variable, reason
