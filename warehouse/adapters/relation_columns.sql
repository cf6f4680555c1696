-- The columns, and their types, of one table of the attached database.
SELECT column_name, column_type
FROM (DESCRIBE FROM query_table($relation))
