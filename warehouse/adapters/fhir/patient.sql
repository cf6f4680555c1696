-- Patients under their record number. Race and ethnicity are the extensions of US Core.
WITH extended AS (
    SELECT id, unnest(json_parts(extension)) AS one
    FROM made_person
),
part AS (
    SELECT id, unnest(json_parts(json_text(one, '$.extension'))) AS one
    FROM extended
    WHERE json_text(one, '$.url') IN (
        'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race',
        'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity'
    )
),
stated_race AS (
    SELECT id, string_agg(DISTINCT said, ', ' ORDER BY said) AS race
    FROM (
        SELECT id, coalesce(json_text(one, '$.valueCoding.display'), json_text(one, '$.valueString')) AS said
        FROM part
        WHERE json_text(one, '$.url') IN ('ombCategory', 'text')
    )
    GROUP BY id
)
SELECT
    coalesce(subject.patient_id, person.id) AS patient_id,
    birthdate AS birth_date,
    gender AS sex,
    race
FROM made_person AS person
LEFT JOIN made_subject AS subject ON subject.reference = 'Patient/' || person.id
LEFT JOIN stated_race ON stated_race.id = person.id
