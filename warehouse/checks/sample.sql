-- Every n-th row of a table, by a hash of the row: the same rows each time, and rows that are the same together.
SELECT rows.*
FROM query_table($table) AS rows
WHERE hash(rows) % $every = 0
