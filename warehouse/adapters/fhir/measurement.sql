-- Values of the catalogue's variables (see value.sql), and conditions that are an answer (NYHA class III); of one that has ended
-- what stays true.
SELECT coalesce(subject.patient_id, value.subject) AS patient_id, study_id, variable, value.value, unit, measured_at
FROM made_value AS value
LEFT JOIN made_subject AS subject ON subject.reference = value.subject
WHERE reason IS NULL
UNION ALL
SELECT coalesce(subject.patient_id, condition.subject), NULL, variable, answer.value, NULL, recorded_at
FROM made_condition_row AS condition
JOIN made_condition_answer AS answer USING (concept)
LEFT JOIN made_subject AS subject ON subject.reference = condition.subject
WHERE reason IS NULL AND (stays_true OR NOT has_ended)
