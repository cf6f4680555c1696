-- A reason that applies to all rows of a table with at least ten rows: the format is wrong, not a few rows.
SELECT reason, count, example
FROM conflict
JOIN staging_count USING (table_name)
WHERE table_name = $table AND count = rows_read AND rows_read >= 10
    AND reason IN ('UNREADABLE_DATE', 'TIME_WITH_OFFSET', 'NOT_A_NUMBER', 'UNKNOWN_PATIENT', 'UNKNOWN_VOCABULARY', 'UNKNOWN_VARIABLE', 'MISSING_IDENTIFIER')
ORDER BY reason
