-- Notes how many dates or numbers of a table an adapter could read by a macro (adapters/day_first.sql, month_first.sql,
-- decimal_comma.sql).
INSERT INTO conflict VALUES ($table, $reason, $rows, 'noted', NULL)
