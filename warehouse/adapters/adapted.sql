-- One canonical table, its identifiers still the hospital's, as the adapter makes it of the raw tables.
CREATE OR REPLACE TEMP VIEW source_{table} AS
{adapter}
