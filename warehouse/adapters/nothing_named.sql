-- The adapter does not name what is behind its counts.
SELECT NULL::VARCHAR AS table_name, NULL::VARCHAR AS reason, NULL::VARCHAR AS word, 0 AS rows
WHERE false
