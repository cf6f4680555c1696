-- Values of the catalogue's variables (see value.sql).
SELECT coalesce(subject.patient_id, value.subject) AS patient_id, study_id, variable, value.value, unit, measured_at
FROM made_value AS value
LEFT JOIN made_subject AS subject ON subject.reference = value.subject
WHERE reason IS NULL
