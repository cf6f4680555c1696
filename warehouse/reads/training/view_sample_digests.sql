-- What decides the models of each view: the clips of definitions/view_sample.sql by fold and label, how many there are, and
-- the digest of all that their rows hold (the sums of both halves of their MD5), whatever their order.
WITH line AS (
    SELECT view, fold, label, to_json(_row)::VARCHAR AS text
    FROM view_sample AS _row
)
SELECT
    view,
    fold,
    label,
    count(*) AS clips,
    sum(md5_number_lower(text))::VARCHAR AS low,
    sum(md5_number_upper(text))::VARCHAR AS high
FROM line
GROUP BY view, fold, label
ORDER BY view, fold, label;
