-- asset: clip_views
-- also: clips
-- never: A clip without its view, or with another view than its tag.
-- Accepted clips without exactly one row in clip_view, rows without an accepted clip, and views that differ from the tag.
SELECT count(*)
FROM (SELECT clip_key, view FROM clip WHERE status = 'accepted') AS clip
FULL JOIN (
    SELECT clip_key, count(*) AS rows, any_value(view) AS view FROM clip_view GROUP BY clip_key
) AS named USING (clip_key)
WHERE clip.view IS NULL OR named.rows IS DISTINCT FROM 1 OR (clip.view <> 'unknown' AND named.view <> clip.view);
