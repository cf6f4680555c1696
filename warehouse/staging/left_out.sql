-- Counts the rows of the source that the adapter does not read, so that nothing is left out silently.
INSERT INTO conflict
SELECT
    CASE WHEN regexp_full_match(table_name, '[a-z][a-z_]{1,31}') THEN table_name ELSE 'other' END,
    CASE WHEN regexp_full_match(reason, '[A-Z][A-Z0-9_]{1,63}') THEN reason ELSE 'LEFT_OUT' END,
    rows,
    'noted',
    NULL
FROM source_left_out
WHERE rows > 0
ORDER BY ALL
