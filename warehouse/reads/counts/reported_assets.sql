-- The assets that the report lists: all except the report and the assets beside or below it.
SELECT DISTINCT asset
FROM ledger
WHERE
    NOT starts_with(asset, 'check:')
    AND asset NOT IN (
        'report',
        'champion',
        'model_card',
        'risk_scores',
        'clips_by_source',
        'clips_by_reduction',
        'flow',
        'experiment_figure3',
        'experiment_table1',
        'experiment_resolution',
        'experiment_flow',
        'experiment_inputs',
        'experiment_study'
    )
ORDER BY asset;
