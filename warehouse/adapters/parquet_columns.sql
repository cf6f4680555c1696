-- The columns of a Parquet file, with their types.
DESCRIBE FROM read_parquet($path)
