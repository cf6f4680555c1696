-- The columns of one table of the attached database, with their types.
SELECT column_name, column_type
FROM (DESCRIBE FROM query_table($relation))
