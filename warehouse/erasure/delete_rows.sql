-- Deletes the rows of a table that hold what $pattern matches, in any column.
DELETE FROM {table} AS one WHERE regexp_matches(one::VARCHAR, $pattern)
