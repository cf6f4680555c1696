-- One raw table from NDJSON files: all values as text.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM read_ndjson(getvariable('path_{table}'), columns = getvariable('columns_{table}'))
