-- The record number behind whatever a reference to a patient says: the id of the resource, or an identifier that one
-- patient alone has; equal values of two systems are two identifiers, and a reference without a system means any. A patient
-- without a record number has the id of the resource, if it is no record number of another.
WITH named AS (
    SELECT
        made_person.id,
        coalesce(
            number,
            if(made_person.id IN (SELECT number FROM made_record_number), 'Patient/' || made_person.id, made_person.id)
        ) AS patient_id
    FROM made_person
    LEFT JOIN made_record_number AS record_number ON record_number.id = made_person.id AND place = 1
),
identifier AS (
    SELECT id, unnest(json_parts(identifier)) AS one
    FROM made_person
),
identified AS (
    SELECT
        id,
        unnest(list_distinct(['', coalesce(json_text(one, '$.system'), '')])) AS system,
        json_text(one, '$.value') AS value
    FROM identifier
)
SELECT 'Patient/' || id AS reference, min(patient_id) AS patient_id
FROM named
WHERE id IS NOT NULL
GROUP BY id
UNION ALL
SELECT 'identifier ' || system || '|' || value, min(patient_id)
FROM identified
JOIN named USING (id)
WHERE value IS NOT NULL
GROUP BY system, value
HAVING count(DISTINCT patient_id) = 1
