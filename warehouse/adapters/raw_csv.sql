-- One raw table from a CSV file: all values as text, columns named by the header. In files separated by tabs, quotation
-- marks are part of the text. A line may be as long as one of NDJSON (16 MiB: free text in a column that is not read); the
-- buffer is as large as DuckDB's own, which grows with the line.
CREATE OR REPLACE TEMP VIEW raw_{table} AS
SELECT {columns}
FROM read_csv(
    getvariable('path_{table}'),
    columns = getvariable('columns_{table}'),
    encoding = getvariable('encoding_{table}'),
    delim = getvariable('separator_{table}'),
    quote = getvariable('quote_{table}'),
    escape = getvariable('quote_{table}'),
    auto_detect = false, header = true, max_line_size = 16777216, buffer_size = 33554432, nullstr = [{missing}]
)
