-- One row a model that the project trained (clinical scores, on the patients whom they cover, are in the report): its
-- AUC on the headline rows and, on a synthetic archive, the share of the oracle's headroom that it recovers:
-- the oracle that knows the latent heart for the video models, the one that knows everything for the others.
SELECT
    auc.model,
    auc.value,
    auc.low,
    auc.high,
    auc.n,
    auc.events,
    headroom.value AS headroom
FROM metric AS auc
LEFT JOIN metric AS headroom
    ON headroom.model = auc.model
    AND headroom.subset = 'all'
    AND NOT starts_with(auc.model, 'oracle')
    AND headroom.metric = CASE
        WHEN auc.model IN ('ehr', 'video_ehr') THEN 'headroom_all'
        ELSE 'headroom_heart'
    END
WHERE coalesce(isfinite(auc.value), false)
    AND auc.metric = 'auc'
    AND auc.subset = 'all'
    AND auc.evaluation IN ('out_of_fold', 'null')
    AND auc.model NOT IN (SELECT score FROM clinical_score)
    AND auc.model NOT LIKE 'ehr:%'  -- baselines are in the report
ORDER BY
    CASE
        WHEN auc.model LIKE 'view:%' THEN 0
        WHEN auc.model = 'all_views' THEN 1
        WHEN auc.model = 'ehr' THEN 2
        WHEN auc.model = 'video_ehr' THEN 3
        WHEN auc.model LIKE 'oracle%' THEN 5
        ELSE 4
    END,
    auc.model;
