-- Counts the rows of the source that the adapter does not read, so that nothing is left out silently. left_out.sql of an adapter
-- may add the columns `vocabulary` and `word`: which codes of which closed vocabulary the rows have.
CREATE OR REPLACE TEMP TABLE left_out AS
SELECT
    CASE WHEN regexp_full_match(table_name, '[a-z][a-z_]{1,31}') THEN table_name ELSE 'other' END AS table_name,
    CASE WHEN regexp_full_match(reason, '[A-Z][A-Z0-9_]{1,63}') THEN reason ELSE 'LEFT_OUT' END AS reason,
    CAST(vocabulary AS VARCHAR) AS vocabulary,
    CAST(word AS VARCHAR) AS word,
    rows
FROM (
    FROM (SELECT NULL AS vocabulary, NULL AS word WHERE false)
    UNION ALL BY NAME
    FROM source_left_out
)
WHERE rows > 0;

INSERT INTO conflict
SELECT table_name, reason, CAST(sum(rows) AS BIGINT), 'noted', NULL
FROM left_out
GROUP BY ALL
ORDER BY ALL
