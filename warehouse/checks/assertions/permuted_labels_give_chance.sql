-- asset: evaluation
-- never: A model that predicts permuted labels better or worse than chance.
-- Refits on permuted labels with an AUC that chance does not explain: information on the outcome leaks into the training.
-- The interval of the permutations must reach 0.5, give or take two standard errors of the AUC under chance, which are
-- measured on these patients and folds.
SELECT count(*) AS offending
FROM metric AS auc
LEFT JOIN metric AS error
    ON error.evaluation = auc.evaluation AND error.model = auc.model AND error.subset = auc.subset
        AND error.metric = 'auc_chance_error'
WHERE auc.evaluation = 'null'
    AND auc.metric = 'auc'
    AND coalesce(NOT 0.5 BETWEEN auc.low - 2 * error.value AND auc.high + 2 * error.value, true);
