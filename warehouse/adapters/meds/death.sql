-- Statements of death; one without a time is a death of unknown date.
SELECT subject_id AS patient_id, happened_at AS death_date, target AS source
FROM made_event
WHERE role = 'death'
