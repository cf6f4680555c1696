-- One canonical table, its identifiers without missing words and in one form.
CREATE OR REPLACE TEMP VIEW source_{table} AS
SELECT * REPLACE ({identifiers})
FROM (
    SELECT * REPLACE ({texts})
    FROM (
{adapter}
    )
)
