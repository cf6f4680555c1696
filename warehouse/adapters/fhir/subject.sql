-- The record number behind whatever a reference to a patient says: the id of the resource, or an identifier that one
-- patient alone has. A patient without a record number has the id of the resource.
WITH named AS (
    SELECT made_person.id, coalesce(number, made_person.id) AS patient_id
    FROM made_person
    LEFT JOIN made_record_number AS record_number ON record_number.id = made_person.id AND place = 1
),
identified AS (
    SELECT id, json_text(unnest(json_parts(identifier)), '$.value') AS value
    FROM made_person
)
SELECT id AS reference, min(patient_id) AS patient_id
FROM named
WHERE id IS NOT NULL
GROUP BY id
UNION ALL
SELECT 'identifier ' || value, min(patient_id)
FROM identified
JOIN named USING (id)
WHERE value IS NOT NULL
GROUP BY value
HAVING count(DISTINCT patient_id) = 1
