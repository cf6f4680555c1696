-- How many studies each model of the champion scored.
SELECT model, count(*) FROM risk_score GROUP BY model ORDER BY model;
