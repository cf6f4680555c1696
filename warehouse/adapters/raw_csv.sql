-- One raw table as a CSV file gives it: every value as text, columns by the names of the header. Where tabs
-- separate them, quotation marks are text.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM read_csv(
    getvariable('path_{table}'),
    columns = getvariable('columns_{table}'),
    encoding = getvariable('encoding_{table}'),
    delim = getvariable('separator_{table}'),
    quote = getvariable('quote_{table}'),
    escape = getvariable('quote_{table}'),
    auto_detect = false, header = true, nullstr = ''
)
