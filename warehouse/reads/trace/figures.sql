-- All figures of the report.
SELECT evaluation, model, subset, metric, value, low, high, n, events, method FROM metric ORDER BY ALL;
