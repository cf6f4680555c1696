-- How many rows of $table (all of them, erased patients included) are of erased patients.
SELECT count(*) FROM query_table($table) WHERE as_text(patient_id) IN (FROM erased_number)
