-- Drugs that have a class. Events have no daily dose and no end.
SELECT subject_id AS patient_id, target AS drug_class, NULL AS dose, NULL AS unit, happened_at AS started_at, NULL AS ended_at
FROM made_event
WHERE role = 'drug'
