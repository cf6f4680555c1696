-- How the records were staged: with shifted dates or not, and with which key (id).
SELECT dates, key_id FROM staging
