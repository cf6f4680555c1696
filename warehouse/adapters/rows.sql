-- How many rows a view yields; every cell of them is read.
SELECT count(*) AS rows, max(hash(COLUMNS(*))) FROM {view}
