-- One of $every rows of a table, by a hash of the row: the same rows each time, and all or none of equal rows.
SELECT rows.*
FROM query_table($table) AS rows
WHERE hash(rows) % $every = 0
