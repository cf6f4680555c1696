-- The first two rows of one table of the attached database.
FROM query_table($relation)
LIMIT 2
