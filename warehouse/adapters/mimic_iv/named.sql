-- What is behind the counts of left_out.sql: the numbers of laboratory items.
SELECT
    'measurement' AS table_name,
    'LABORATORY_ITEM_NOT_IN_CATALOGUE' AS reason,
    'item ' || TRY_CAST(itemid AS INTEGER) AS word,
    count(*) AS rows
FROM raw_labevents
WHERE TRY_CAST(itemid AS INTEGER) NOT IN (SELECT TRY_CAST(itemid AS INTEGER) FROM map_items)
GROUP BY word
