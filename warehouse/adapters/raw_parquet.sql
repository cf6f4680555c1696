-- One raw table from a Parquet file, or from its parts.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM read_parquet(getvariable('path_{table}'), union_by_name = true)
