-- How many rows of a table hold what $pattern matches, in any column. Each is read as it is: a row's own text would put
-- signs before the quotation marks in it.
SELECT count(*) FROM {table} WHERE regexp_matches(concat_ws(chr(10), *COLUMNS(*)), $pattern)
