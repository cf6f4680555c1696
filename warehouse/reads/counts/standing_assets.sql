-- The assets that stand, checks and the report itself left out.
SELECT DISTINCT asset FROM ledger WHERE NOT starts_with(asset, 'check:') AND asset NOT IN ('report', 'champion') ORDER BY asset;
