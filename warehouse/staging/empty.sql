-- Reports an extract without patients or without studies: there is nothing to label.
INSERT INTO conflict
SELECT table_name, 'EMPTY_TABLE', 0, 'noted', NULL
FROM staging_count
WHERE rows_read = 0 AND table_name IN ('patient', 'study')
ORDER BY table_name;
