-- Where the warehouse lies; null where it is in memory.
SELECT path
FROM duckdb_databases()
WHERE database_name = current_database()
