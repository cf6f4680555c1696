-- How the records were staged: whether dates are shifted, and the id of the key.
SELECT dates, key_id FROM staging
