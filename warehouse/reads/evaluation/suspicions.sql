-- Variables and models that are too good to be true, from the metric table.
SELECT model, subset AS variable, method AS predictor, value AS auc
FROM metric
WHERE evaluation = 'too_good'
ORDER BY ALL
