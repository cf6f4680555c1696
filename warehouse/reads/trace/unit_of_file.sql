-- The units (asset, unit) whose file lies at $path below the home, or below that folder.
SELECT DISTINCT asset, unit
FROM (
    SELECT asset, unit, path FROM artifact_file
    UNION ALL SELECT asset, unit, artifact FROM ledger WHERE artifact IS NOT NULL
)
WHERE path = $path OR starts_with(path, $path || '/')
ORDER BY ALL;
