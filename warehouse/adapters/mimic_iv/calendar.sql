-- The source moved each patient's dates to the years 2100 to 2200 by another offset.
SELECT 'own' AS calendar
