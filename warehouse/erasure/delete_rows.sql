-- Deletes the rows of a table that hold what $pattern matches, as count_rows.sql counts them.
DELETE FROM {table}
WHERE rowid IN (SELECT rowid FROM {table} WHERE regexp_matches(concat_ws(chr(10), *COLUMNS(*)), $pattern))
