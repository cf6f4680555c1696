-- A table of an adapter's own that several of its SELECTs read: computed once.
CREATE OR REPLACE TEMP TABLE made_{table} AS
{adapter}
