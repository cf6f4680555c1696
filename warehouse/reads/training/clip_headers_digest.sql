-- How many rows definitions/clip_header.sql has, and the digest of all that they hold (the sums of both halves of their
-- MD5), whatever their order.
WITH line AS (
    SELECT to_json(_row)::VARCHAR AS text
    FROM clip_header AS _row
)
SELECT count(*) AS clips, sum(md5_number_lower(text))::VARCHAR AS low, sum(md5_number_upper(text))::VARCHAR AS high
FROM line;
