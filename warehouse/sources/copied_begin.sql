-- Room for a raw table that arrives from elsewhere, batch by batch.
CREATE OR REPLACE TEMP TABLE copied_{table} AS
SELECT {columns}
WHERE false
