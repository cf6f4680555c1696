-- Each patient's dates were moved to 2100 to 2200 by an offset of the source's own.
SELECT 'own' AS calendar
