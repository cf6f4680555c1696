-- Reads every value of a raw table.
SELECT count(COLUMNS(*)) FROM raw_{table}
