-- What the ledger says of each asset: how many units were made, and when the last one was.
SELECT asset, count(*) AS units, max(committed_at) AS changed
FROM ledger
GROUP BY asset
ORDER BY asset;
