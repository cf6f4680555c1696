-- The AUC of every model on the headline studies and, on a synthetic archive, the share of an oracle's headroom that it
-- recovers: for the oracle that knows the latent heart, and for the one that knows everything. With too few deaths or
-- survivors for a result the AUC is NaN.
SELECT
    auc.model,
    auc.value,
    auc.low,
    auc.high,
    auc.n,
    auc.events,
    of_heart.value AS headroom_heart,
    of_all.value AS headroom_all
FROM metric AS auc
LEFT JOIN metric AS of_heart
    ON of_heart.model = auc.model AND of_heart.subset = 'all' AND of_heart.metric = 'headroom_heart'
LEFT JOIN metric AS of_all
    ON of_all.model = auc.model AND of_all.subset = 'all' AND of_all.metric = 'headroom_all'
WHERE auc.metric = 'auc'
    AND auc.subset = 'all'
    AND auc.evaluation IN ('out_of_fold', 'null')
ORDER BY auc.model;
