-- A raw table without rows: an optional table that the extract lacks, or an empty one.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
WHERE false
