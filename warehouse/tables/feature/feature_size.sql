-- The number of measurements.
SELECT count(*) FROM measurement
