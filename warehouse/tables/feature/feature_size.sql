-- How many measurements there are to choose from.
SELECT count(*) FROM measurement
