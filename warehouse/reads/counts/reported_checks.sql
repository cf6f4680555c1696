-- The checks in the ledger on assets that the report lists (reported_assets.sql).
SELECT DISTINCT asset
FROM ledger
WHERE starts_with(asset, 'check:')
    AND asset NOT IN (
        'check:risk_score_expectations', 'check:risks_are_of_the_studies_not_learnt_from', 'check:risks_are_as_before',
        'check:deaths_are_as_expected', 'check:risks_without_clips_are_of_the_record'
    )
ORDER BY asset;
