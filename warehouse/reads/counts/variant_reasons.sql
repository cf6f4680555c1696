-- How many files gave a clip of each of $variants, and how many were rejected because of their pixels, by reason.
SELECT variant || ' ' || coalesce(reason, status) AS reason, count(*) AS files
FROM clip_variant
WHERE list_contains($variants, variant)
GROUP BY ALL
ORDER BY reason;
