-- The source has not moved its dates.
SELECT 'true' AS calendar
