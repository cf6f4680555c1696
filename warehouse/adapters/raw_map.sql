-- One map: a CSV file of the adapter or of adapters/maps.
CREATE OR REPLACE TEMP VIEW map_{table} AS
SELECT *
FROM read_csv(getvariable('map_{table}'), header = true, all_varchar = true, nullstr = '')
