-- The columns of a Parquet file or of its parts, with their types.
DESCRIBE FROM read_parquet($path, union_by_name = true)
