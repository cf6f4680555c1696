-- The reasons by which more than a share of a table's rows have dates or numbers that staging can't read.
SELECT reason
FROM conflict
JOIN staging_count USING (table_name)
WHERE table_name = $table AND reason IN ('UNREADABLE_DATE', 'NOT_A_NUMBER')
GROUP BY reason
HAVING sum(count) > $share * any_value(rows_read)
ORDER BY reason
