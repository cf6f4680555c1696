-- Drugs that have a class.
SELECT
    coalesce(subject.patient_id, drug.subject) AS patient_id,
    drug_class,
    dose,
    CASE WHEN dose IS NOT NULL THEN unit END AS unit,
    started_at,
    ended_at
FROM made_drug AS drug
JOIN made_drug_class AS classed USING (concept)
LEFT JOIN made_subject AS subject ON subject.reference = drug.subject
WHERE reason IS NULL
