-- One raw table as a Parquet file gives it.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM read_parquet(getvariable('path_{table}'))
