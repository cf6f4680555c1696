-- Values of the catalogue's variables (see value.sql), and conditions that are an answer (NYHA class III).
SELECT coalesce(subject.patient_id, value.subject) AS patient_id, study_id, variable, value.value, unit, measured_at
FROM made_value AS value
LEFT JOIN made_subject AS subject ON subject.reference = value.subject
WHERE reason IS NULL
UNION ALL
SELECT coalesce(subject.patient_id, condition.subject), NULL, variable, map_answers.value, NULL, recorded_at
FROM made_condition_row AS condition
JOIN made_condition_coding AS coding USING (concept)
JOIN map_answers USING (vocabulary, code)
LEFT JOIN made_subject AS subject ON subject.reference = condition.subject
WHERE reason IS NULL AND NOT ends_with(variable, '_grade')
