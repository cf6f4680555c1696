-- The checks whose outcome the ledger holds, of assets that a report can be made from (standing_assets.sql).
SELECT DISTINCT asset
FROM ledger
WHERE starts_with(asset, 'check:')
    AND asset NOT IN ('check:risk_score_expectations', 'check:risks_are_of_the_studies_not_learnt_from')
ORDER BY asset;
