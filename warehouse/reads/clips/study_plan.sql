-- What the clips of each study are made from, of all studies or of $studies: the digest of $recipe and of all that the rows
-- of definitions/clip_input.sql hold (the sums of both halves of their MD5), whatever their order; and the study's views.
WITH line AS (
    SELECT study_key, view, to_json(_row)::VARCHAR AS text
    FROM clip_input AS _row
    WHERE $studies IS NULL OR list_contains($studies, study_key)
)
SELECT
    study_key,
    md5(concat_ws(',', $recipe, count(*), sum(md5_number_lower(text)), sum(md5_number_upper(text)))) AS fingerprint,
    list_sort(list(DISTINCT view)) AS views
FROM line
GROUP BY study_key;
