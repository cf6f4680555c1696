-- Persons under their record number. If only the year or the month of birth is known, that is the date: staging reads
-- it as an interval. Without a day, the first of the month in birth_datetime stands for that month, and without a month
-- the first day of the year or 15 June for that year, as the conventions of the data model ask for. Text that is not a
-- date is passed on, so that staging counts it.
WITH race AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, any_value(concept_name) AS name
    FROM raw_concept
    WHERE vocabulary_id = 'Race'
    GROUP BY ALL
)
SELECT
    number.patient_id,
    coalesce(
        CASE
            WHEN month_of_birth IS NULL AND strftime(born_at, '%m-%d') IN ('01-01', '06-15') THEN NULL
            WHEN month_of_birth IS NOT NULL AND day_of_birth IS NULL AND day(born_at) = 1 THEN NULL
            ELSE CAST(CAST(born_at AS DATE) AS VARCHAR)
        END,
        CASE
            WHEN month_of_birth IS NULL THEN printf('%04d', TRY_CAST(year_of_birth AS INTEGER))
            WHEN day_of_birth IS NULL
                THEN printf('%04d-%02d', TRY_CAST(year_of_birth AS INTEGER), TRY_CAST(month_of_birth AS INTEGER))
            ELSE printf(
                '%04d-%02d-%02d',
                TRY_CAST(year_of_birth AS INTEGER),
                TRY_CAST(month_of_birth AS INTEGER),
                TRY_CAST(day_of_birth AS INTEGER)
            )
        END,
        CAST(birth_datetime AS VARCHAR),
        CAST(year_of_birth AS VARCHAR)
    ) AS birth_date,
    coalesce(sex.target, CAST(gender_source_value AS VARCHAR)) AS sex,
    coalesce(reviewed_race.target, race.name, CAST(race_source_value AS VARCHAR)) AS race
FROM (SELECT *, as_moment(birth_datetime) AS born_at FROM raw_person) AS person
LEFT JOIN made_person_number AS number ON number.person_id = as_whole(person.person_id)
LEFT JOIN made_known_concept AS sex ON sex.kind = 'sex' AND sex.concept_id = TRY_CAST(gender_concept_id AS BIGINT)
LEFT JOIN made_known_concept AS reviewed_race
    ON reviewed_race.kind = 'race' AND reviewed_race.concept_id = TRY_CAST(race_concept_id AS BIGINT)
LEFT JOIN race ON race.concept_id = TRY_CAST(race_concept_id AS BIGINT)
