-- One canonical table from the adapter's SELECT on the raw tables. It still has the hospital's identifiers.
CREATE OR REPLACE TEMP VIEW source_{table} AS
{adapter}
