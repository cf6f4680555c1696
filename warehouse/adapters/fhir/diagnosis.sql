-- Conditions with their ICD codes. Those without one are counted (left_out.sql).
SELECT coalesce(subject.patient_id, condition.subject) AS patient_id, vocabulary, code, recorded_at
FROM made_condition_row AS condition
JOIN made_condition_code AS coded USING (concept)
LEFT JOIN made_subject AS subject ON subject.reference = condition.subject
WHERE reason IS NULL AND vocabulary IS NOT NULL
