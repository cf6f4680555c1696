-- Drops the result of a helper SELECT, and with it the identifiers.
DROP TABLE IF EXISTS made_{table}
