-- Where every row of one table went: read = staged + dropped. Each <table>.sql leaves for this, besides the rows of its
-- table, two temporary tables of (reason, rows, example), where `example` is the pseudonym of one patient concerned:
--   tally   every row read, once: by the reason why it was dropped; null where it was staged (a row staged once for
--           several equal ones is counted here as often as it was read)
--   nulled  rows that were staged without one of their values, by the reason; no row where there are none
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
