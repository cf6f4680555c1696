-- Counts the rows of one table: read = staged + dropped. Besides the rows of its table, each <table>.sql must leave two
-- temporary tables of (reason, rows, example), where `example` is the pseudonym of one of the patients:
--   tally   all rows read, by the reason why they were dropped; the reason is null for staged rows (equal rows that
--           were staged as one are all counted)
--   nulled  rows that were staged without one of their values, by the reason; may be empty
INSERT INTO staging_count
SELECT $table, coalesce(sum(rows), 0), any_value(staged), coalesce(sum(rows), 0) - any_value(staged)
FROM (SELECT count(*) AS staged FROM query_table($table))
LEFT JOIN tally ON true;

INSERT INTO conflict
SELECT table_name, reason, count, action, example
FROM (
    SELECT $table AS table_name, reason, rows AS count, 'dropped' AS action, example
    FROM tally
    WHERE reason IS NOT NULL
    UNION ALL
    SELECT $table, 'EXACT_DUPLICATE', rows - rows_staged, 'dropped', NULL
    FROM tally
    JOIN staging_count ON table_name = $table
    WHERE reason IS NULL
    UNION ALL
    SELECT $table, reason, rows, 'nulled', example
    FROM nulled
)
WHERE count > 0
ORDER BY ALL;
