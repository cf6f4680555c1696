-- What was copied leaves with the identifiers in it.
DROP VIEW IF EXISTS raw_{table};
DROP TABLE IF EXISTS copied_{table};
