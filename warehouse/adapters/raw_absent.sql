-- A raw table without rows: an optional one that the extract does not have, or one that is empty.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
WHERE false
