-- One raw table from the attached DuckDB database.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM query_table(getvariable('relation_{table}'))
