-- asset: evaluation
-- never: An AUC from labels that were shuffled.
-- Refits on permuted labels that do better or worse than chance allows: something other than the patients' records tells
-- the outcome. The interval of the permutations must reach 0.5, give or take two standard errors of an AUC of 0.5 among
-- so many deaths and survivors.
SELECT count(*) AS offending
FROM metric
WHERE evaluation = 'null'
    AND metric = 'auc'
    AND NOT 0.5 BETWEEN low - 2 * sqrt((n + 1) / (12.0 * events * (n - events)))
        AND high + 2 * sqrt((n + 1) / (12.0 * events * (n - events)))
