-- A dataset whose events lie mostly after 2100 was made of records with moved dates (MIMIC-IV): each patient has an own
-- calendar.
SELECT CASE WHEN median(year(as_moment(data.time))) >= 2100 THEN 'own' ELSE 'true' END AS calendar
FROM raw_data AS data
