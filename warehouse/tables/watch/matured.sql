-- Notes the risks $numbers whose outcome became known, in that order; not those that were noted before.
INSERT INTO matured_risk (number)
SELECT number
FROM (SELECT unnest($numbers) AS number, generate_subscripts($numbers, 1) AS place)
ANTI JOIN matured_risk USING (number)
ORDER BY place;
