-- Pairs of numbers of one person: further record numbers of a patient, and patients that a link joins (replaced-by,
-- replaces, refer and seealso all mean the same person).
WITH linked AS (
    SELECT id, unnest(json_parts(link)) AS one
    FROM made_person
),
pair AS (
    SELECT id, patient_reference(json_text(one, '$.other')) AS other
    FROM linked
    WHERE json_text(one, '$.other.reference') IS NULL OR NOT contains(json_text(one, '$.other.reference'), 'RelatedPerson/')
)
SELECT subject.patient_id, number AS same_as
FROM made_record_number AS record_number
JOIN made_subject AS subject ON subject.reference = 'Patient/' || record_number.id
WHERE number <> subject.patient_id
UNION
SELECT subject.patient_id, coalesce(joined.patient_id, pair.other)
FROM pair
JOIN made_subject AS subject ON subject.reference = 'Patient/' || pair.id
LEFT JOIN made_subject AS joined ON joined.reference = pair.other
WHERE pair.other IS NOT NULL AND subject.patient_id <> coalesce(joined.patient_id, pair.other)
