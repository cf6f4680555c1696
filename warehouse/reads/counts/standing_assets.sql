-- The assets that a report can be made from: not the report, nor what is made beside or after it.
SELECT DISTINCT asset
FROM ledger
WHERE NOT starts_with(asset, 'check:') AND asset NOT IN ('report', 'champion', 'risk_scores')
ORDER BY asset;
