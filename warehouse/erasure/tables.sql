-- The tables of a database file.
SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary ORDER BY table_name
