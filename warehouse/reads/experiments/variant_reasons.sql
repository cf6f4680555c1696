-- Why files gave no clip of the variants $variants, the commonest reason first.
SELECT variant, reason, count(*) AS files
FROM clip_variant
WHERE list_contains($variants, variant) AND status <> 'accepted' AND reason IS NOT NULL
GROUP BY variant, reason
ORDER BY files DESC, variant, reason;
