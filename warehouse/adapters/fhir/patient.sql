-- Patients under their record number. If only the year or the month of birth is known, the date is its middle. Race and
-- ethnicity are the extensions of US Core.
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
    SELECT id, string_agg(DISTINCT coalesce(json_text(one, '$.valueCoding.display'), json_text(one, '$.valueString')), ', ') AS race
    FROM part
    WHERE json_text(one, '$.url') IN ('ombCategory', 'text')
    GROUP BY id
)
SELECT
    coalesce(subject.patient_id, person.id) AS patient_id,
    CASE
        WHEN regexp_full_match(as_text(birthdate), '\d{4}') THEN as_text(birthdate) || '-07-02'
        WHEN regexp_full_match(as_text(birthdate), '\d{4}-\d\d') THEN as_text(birthdate) || '-15'
        ELSE as_text(birthdate)
    END AS birth_date,
    gender AS sex,
    race
FROM made_person AS person
LEFT JOIN made_subject AS subject ON subject.reference = person.id
LEFT JOIN stated_race ON stated_race.id = person.id
