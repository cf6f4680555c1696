-- One raw table from a Parquet file.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM read_parquet(getvariable('path_{table}'))
