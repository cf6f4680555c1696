-- Persons under their record number. If only the year of birth is known, the date is the middle of that year. Text that
-- is not a date is passed on, so that staging counts it.
WITH race AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, any_value(concept_name) AS name
    FROM raw_concept
    WHERE vocabulary_id = 'Race'
    GROUP BY ALL
)
SELECT
    number.patient_id,
    coalesce(
        CAST(CAST(as_moment(birth_datetime) AS DATE) AS VARCHAR),
        printf(
            '%04d-%02d-%02d',
            TRY_CAST(year_of_birth AS INTEGER),
            coalesce(TRY_CAST(month_of_birth AS INTEGER), 7),
            coalesce(TRY_CAST(day_of_birth AS INTEGER), CASE WHEN month_of_birth IS NULL THEN 2 ELSE 15 END)
        ),
        CAST(birth_datetime AS VARCHAR),
        CAST(year_of_birth AS VARCHAR)
    ) AS birth_date,
    coalesce(sex.target, gender_source_value) AS sex,
    coalesce(reviewed_race.target, race.name, race_source_value) AS race
FROM raw_person AS person
LEFT JOIN made_person_number AS number ON number.person_id = as_whole(person.person_id)
LEFT JOIN made_known_concept AS sex ON sex.kind = 'sex' AND sex.concept_id = TRY_CAST(gender_concept_id AS BIGINT)
LEFT JOIN made_known_concept AS reviewed_race
    ON reviewed_race.kind = 'race' AND reviewed_race.concept_id = TRY_CAST(race_concept_id AS BIGINT)
LEFT JOIN race ON race.concept_id = TRY_CAST(race_concept_id AS BIGINT)
