-- Values refused, by reason, and values filled from another echo, by method; over all variables.
SELECT reason, sum(count) AS count FROM feature_refusal GROUP BY reason
UNION ALL
SELECT how, sum(count) FROM feature_filled GROUP BY how
ORDER BY ALL
