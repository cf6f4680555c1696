-- Deletes all metrics.
DELETE FROM metric;
