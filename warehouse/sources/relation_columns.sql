-- The columns of one table of the attached database.
SELECT column_name
FROM (DESCRIBE FROM query_table($relation))
