-- Counts the rows of erased patients that were left out of one table.
UPDATE staging_count SET rows_read = rows_read + $rows, rows_dropped = rows_dropped + $rows WHERE table_name = $table;
INSERT INTO conflict SELECT $table, 'ERASED_PATIENT', $rows, 'dropped', NULL WHERE $rows > 0;
