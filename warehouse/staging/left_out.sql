-- Rows of the source that the adapter has no place for: counted, so that nothing is left out silently.
INSERT INTO conflict
SELECT table_name, reason, rows, 'noted', NULL
FROM source_left_out
WHERE rows > 0
ORDER BY ALL
