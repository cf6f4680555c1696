-- The largest distance of each look of check $check_name, and whether anything moved.
SELECT look, max(distance) AS distance, bool_or(moved) AS moved
FROM watch
WHERE check_name = $check_name
GROUP BY look
ORDER BY look;
