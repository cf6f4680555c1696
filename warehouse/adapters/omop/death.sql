-- Statements of death with their source: a registry or the hospital's record.
SELECT coalesce(patient_id, as_whole(death.person_id)) AS patient_id, death.death_date, target AS source
FROM raw_death AS death
LEFT JOIN made_person_number AS person ON person.person_id = as_whole(death.person_id)
LEFT JOIN made_known_concept AS statement
    ON kind = 'death' AND concept_id = TRY_CAST(death_type_concept_id AS BIGINT)
