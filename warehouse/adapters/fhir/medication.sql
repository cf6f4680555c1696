-- Drugs that have a class. The dose of a combination is not known to be that of one of its drugs.
SELECT
    coalesce(subject.patient_id, drug.subject) AS patient_id,
    drug_class,
    CASE WHEN is_alone THEN dose END AS dose,
    CASE WHEN is_alone AND dose IS NOT NULL THEN unit END AS unit,
    started_at,
    ended_at
FROM made_drug AS drug
JOIN made_drug_class AS classed USING (concept)
LEFT JOIN made_subject AS subject ON subject.reference = drug.subject
WHERE reason IS NULL
