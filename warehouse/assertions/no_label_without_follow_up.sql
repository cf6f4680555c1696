-- Labels that nothing proves: no days, a survivor whose days end before those of some event, a dead without an event, a
-- study that has both a label and a reason or neither.
SELECT count(*) AS offending
FROM outcome
CROSS JOIN (SELECT coalesce(max(days), 0) AS latest_event FROM outcome WHERE label = 1) AS horizon
WHERE (label IS NULL) = (reason IS NULL)
    OR (label IS NOT NULL AND (days IS NULL OR days < 0 OR event IS NULL))
    OR (label = 1 AND NOT event)
    OR (label = 0 AND days < latest_event)
