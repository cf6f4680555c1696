-- An adapter's own tables leave with the identifiers in them.
DROP TABLE IF EXISTS made_{table}
