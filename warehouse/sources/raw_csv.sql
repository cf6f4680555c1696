-- One raw table as a CSV file gives it: every value as text, columns by the names of the header.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM read_csv(
    getvariable('path_{table}'),
    columns = getvariable('columns_{table}'),
    encoding = getvariable('encoding_{table}'),
    auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = ''
)
