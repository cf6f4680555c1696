-- The dates of the source are true ones.
SELECT 'true' AS calendar
