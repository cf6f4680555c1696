-- Statements of death with their source: a registry or the hospital's record. The time counts where it is of that day. A
-- discharge as dead is one of the day on which the visit ended; without an end it adds nothing to a date.
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
UNION ALL
SELECT
    coalesce(patient_id, visit.person_id),
    coalesce(CAST(CAST(left_at AS DATE) AS VARCHAR), ended_at),
    'hospital'
FROM made_visit AS visit
LEFT JOIN made_person_number USING (person_id)
WHERE left_dead
    AND (
        ended_at IS NOT NULL
        OR NOT EXISTS (FROM raw_death AS death WHERE as_whole(death.person_id) = visit.person_id AND death_date IS NOT NULL)
    )
