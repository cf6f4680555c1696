-- The columns of one table in their order: name, type, and whether a value may be missing.
SELECT column_name, data_type, is_nullable
FROM duckdb_columns()
WHERE schema_name = 'main' AND NOT internal AND table_name = $table
ORDER BY column_index
