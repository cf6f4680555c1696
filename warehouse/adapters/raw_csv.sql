-- One raw table from a CSV file: all values as text, columns named by the header. In files separated by tabs, quotation
-- marks are part of the text.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM read_csv(
    getvariable('path_{table}'),
    columns = getvariable('columns_{table}'),
    encoding = getvariable('encoding_{table}'),
    delim = getvariable('separator_{table}'),
    quote = getvariable('quote_{table}'),
    escape = getvariable('quote_{table}'),
    auto_detect = false, header = true, nullstr = [{missing}]
)
