-- The dates of an adapter's source: 'true' dates, or each patient's 'own' calendar, which the source has moved.
SELECT calendar
FROM source_calendar
