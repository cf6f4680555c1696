-- The last result of each check: whether it passed, and what it found, which may be no more than a warning.
SELECT
    substr(asset, length('check:') + 1) AS name,
    CAST(details ->> '$.passed' AS BOOLEAN) AS passed,
    coalesce(nullif(details ->> '$.failed', ''), details ->> '$.warned', '') AS found,
    committed_at AS changed
FROM ledger
WHERE starts_with(asset, 'check:')
ORDER BY name;
