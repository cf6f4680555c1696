-- A reason that befell every row of a table of ten rows or more: a wrong format, not a few bad rows.
SELECT reason, count, example
FROM conflict
JOIN staging_count USING (table_name)
WHERE table_name = $table AND count = rows_read AND rows_read >= 10
    AND reason IN ('UNREADABLE_DATE', 'NOT_A_NUMBER', 'UNKNOWN_PATIENT', 'UNKNOWN_VOCABULARY', 'UNKNOWN_VARIABLE', 'MISSING_IDENTIFIER')
ORDER BY reason
