-- Conditions with their ICD codes. One without such a code is passed on, so that staging counts it.
SELECT coalesce(subject.patient_id, condition.subject) AS patient_id, vocabulary, coalesce(code, concept) AS code, recorded_at
FROM (
    SELECT condition.*, coded.vocabulary, coded.code
    FROM made_condition_row AS condition
    LEFT JOIN made_condition_code AS coded USING (concept)
    WHERE reason IS NULL
) AS condition
LEFT JOIN made_subject AS subject ON subject.reference = condition.subject
WHERE vocabulary IS NOT NULL
