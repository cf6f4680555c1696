-- Attaches the one DuckDB file of the extract, read-only.
ATTACH IF NOT EXISTS $path AS extract (READ_ONLY)
