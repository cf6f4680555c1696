-- One of an adapter's own maps, a CSV file beside its SQL.
CREATE OR REPLACE TEMP VIEW map_{table} AS
SELECT *
FROM read_csv(getvariable('map_{table}'), header = true, all_varchar = true, nullstr = '')
