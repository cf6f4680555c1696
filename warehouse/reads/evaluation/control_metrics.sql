-- The figures of the controls of motion, from the metric table.
SELECT evaluation, model, subset, metric, value, low, high, n, events
FROM metric
WHERE evaluation = 'control'
ORDER BY ALL
