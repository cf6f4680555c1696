-- The content of one table as two numbers, which do not depend on the order of its rows.
SELECT count(*)::text, coalesce(sum(pg_catalog.hashtextextended(ROW({values})::text, 0)), 0)::text
FROM {relation}
