-- An export whose encounters lie mostly after 2100 was made of records with moved dates (MIMIC-IV on FHIR): each patient
-- has an own calendar.
SELECT CASE WHEN median(year(as_moment(started_at))) >= 2100 THEN 'own' ELSE 'true' END AS calendar
FROM made_visit
