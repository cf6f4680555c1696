-- Tables and views of the attached database: their name in a contract, and their qualified name.
SELECT
    lower(replace(table_name, '-', '_')) AS name,
    format('"extract"."{}"."{}"', replace(schema_name, '"', '""'), replace(table_name, '"', '""')) AS relation
FROM (
    SELECT database_name, schema_name, table_name, internal FROM duckdb_tables()
    UNION ALL
    SELECT database_name, schema_name, view_name, internal FROM duckdb_views()
)
WHERE database_name = 'extract' AND NOT internal
ORDER BY ALL
