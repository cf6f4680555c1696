-- One canonical table without the rows of erased patients; all rows stay readable as whole_source_{table}.
ALTER VIEW source_{table} RENAME TO whole_source_{table};
CREATE OR REPLACE TEMP VIEW source_{table} AS
FROM whole_source_{table}
WHERE patient_id IS NULL OR patient_id NOT IN (FROM erased_number);
