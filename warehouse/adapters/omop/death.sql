-- Statements of death with their source: a registry or the hospital's record. The time counts where it is of that day.
SELECT
    coalesce(patient_id, as_whole(death.person_id)) AS patient_id,
    CASE
        WHEN CAST(as_moment(death_datetime) AS DATE) = CAST(as_moment(death_date) AS DATE) THEN CAST(death_datetime AS VARCHAR)
        ELSE coalesce(CAST(death_date AS VARCHAR), CAST(death_datetime AS VARCHAR))
    END AS death_date,
    target AS source
FROM raw_death AS death
LEFT JOIN made_person_number AS person ON person.person_id = as_whole(death.person_id)
LEFT JOIN made_known_concept AS statement
    ON kind = 'death' AND concept_id = TRY_CAST(death_type_concept_id AS BIGINT)
