-- Statements of death with where they come from: a register before the hospital's own record.
SELECT
    coalesce(CAST(person.person_source_value AS VARCHAR), CAST(death.person_id AS VARCHAR)) AS patient_id,
    death.death_date,
    statement.target AS source
FROM raw_death AS death
LEFT JOIN raw_person AS person ON TRY_CAST(person.person_id AS BIGINT) = TRY_CAST(death.person_id AS BIGINT)
LEFT JOIN map_concepts AS statement
    ON statement.kind = 'death' AND TRY_CAST(statement.concept_id AS BIGINT) = TRY_CAST(death_type_concept_id AS BIGINT)
