-- The checks whose outcome the ledger holds.
SELECT DISTINCT asset FROM ledger WHERE starts_with(asset, 'check:') ORDER BY asset;
