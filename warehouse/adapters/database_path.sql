-- The path of the warehouse file; null if it is in memory.
SELECT path
FROM duckdb_databases()
WHERE database_name = current_database()
