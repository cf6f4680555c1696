-- Values staged, by variable and unit.
SELECT variable, unit, count(*) AS rows FROM measurement GROUP BY ALL ORDER BY variable, rows DESC, unit
