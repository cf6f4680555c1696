-- Persons under their record number. A date of birth of which only the year is known lies in the middle of it.
SELECT
    coalesce(CAST(person_source_value AS VARCHAR), CAST(person_id AS VARCHAR)) AS patient_id,
    coalesce(
        CAST(TRY_CAST(birth_datetime AS DATE) AS VARCHAR),
        printf(
            '%04d-%02d-%02d',
            TRY_CAST(year_of_birth AS INTEGER),
            coalesce(TRY_CAST(month_of_birth AS INTEGER), 7),
            coalesce(TRY_CAST(day_of_birth AS INTEGER), CASE WHEN month_of_birth IS NULL THEN 2 ELSE 15 END)
        )
    ) AS birth_date,
    coalesce(map_concepts.target, gender_source_value) AS sex,
    race_source_value AS race
FROM raw_person
LEFT JOIN map_concepts
    ON kind = 'sex' AND TRY_CAST(map_concepts.concept_id AS BIGINT) = TRY_CAST(gender_concept_id AS BIGINT)
