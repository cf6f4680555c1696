-- The conditions that are read, with how their ICD code was found; none: they have none.
SELECT concept, coalesce(found_by, 'none') AS found_by
FROM made_condition_row
LEFT JOIN (SELECT concept, min(found_by) AS found_by FROM made_condition_code GROUP BY concept) USING (concept)
WHERE reason IS NULL
