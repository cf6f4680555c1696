-- Makes room for a new evaluation.
DELETE FROM metric;
