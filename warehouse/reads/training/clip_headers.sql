-- The rows of definitions/clip_header.sql, in a fixed order.
SELECT *
FROM clip_header
ORDER BY clip_key;
