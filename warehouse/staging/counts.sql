-- Where the rows of each table went.
SELECT table_name, rows_read, rows_staged, rows_dropped FROM staging_count
