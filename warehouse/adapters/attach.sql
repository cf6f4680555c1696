-- The one DuckDB file of the extract, beside the warehouse and never written to.
ATTACH IF NOT EXISTS $path AS extract (READ_ONLY)
