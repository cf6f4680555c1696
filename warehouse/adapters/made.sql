-- The result of an adapter's helper SELECT, which its other SELECTs read: computed once.
CREATE OR REPLACE TEMP TABLE made_{table} AS
{adapter}
