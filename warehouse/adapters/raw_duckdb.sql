-- One raw table as the attached DuckDB database gives it.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM query_table(getvariable('relation_{table}'))
