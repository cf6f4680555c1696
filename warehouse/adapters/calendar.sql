-- How the dates of an adapter's source relate: 'true' dates, or each patient's 'own' calendar, moved by the source.
SELECT calendar
FROM source_calendar
