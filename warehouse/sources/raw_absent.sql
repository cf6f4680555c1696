-- An optional raw table that the extract does not have: no rows.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
WHERE false
