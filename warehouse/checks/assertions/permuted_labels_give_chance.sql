-- asset: evaluation
-- never: A model that predicts permuted labels better or worse than chance.
-- Refits on permuted labels with an AUC that chance does not explain: information on the outcome leaks into the training.
-- The interval of the permutations must reach 0.5, give or take two standard errors of an AUC of 0.5 with this number of
-- deaths and survivors.
SELECT count(*) AS offending
FROM metric
WHERE evaluation = 'null'
    AND metric = 'auc'
    AND NOT 0.5 BETWEEN low - 2 * sqrt((n + 1) / (12.0 * events * (n - events)))
        AND high + 2 * sqrt((n + 1) / (12.0 * events * (n - events)))
