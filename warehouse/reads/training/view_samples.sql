-- The rows of definitions/view_sample.sql of $views, in a fixed order.
SELECT *
FROM view_sample
WHERE list_contains($views, view)
ORDER BY view, clip_key;
