-- The SQL of the views of a DuckDB file.
SELECT sql FROM duckdb_views() WHERE NOT internal ORDER BY view_name
