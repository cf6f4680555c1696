-- How many rows of a table hold what $pattern matches, in any column.
SELECT count(*) FROM {table} AS one WHERE regexp_matches(one::VARCHAR, $pattern)
