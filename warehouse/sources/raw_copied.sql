-- One raw table as it was copied from a database elsewhere: every value as text.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM copied_{table}
