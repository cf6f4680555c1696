-- Persons. Only the age in the anchor year is known. The birth date is set to the first of January, so that whole years
-- at an echo are anchor_age + year(echo) - anchor_year. An anchor age of 91 means over 89. Text that is not a number is
-- passed on, so that staging counts it.
WITH stated_race AS (
    SELECT as_whole(subject_id) AS subject_id, min(race) AS race
    FROM raw_admissions
    WHERE race_of(race) IS NOT NULL
    GROUP BY ALL
    HAVING count(DISTINCT race_of(race)) = 1
)
SELECT
    as_whole(patients.subject_id) AS patient_id,
    coalesce(
        CAST(TRY_CAST(anchor_year AS INTEGER) - TRY_CAST(anchor_age AS INTEGER) AS VARCHAR) || '-01-01',
        CAST(anchor_age AS VARCHAR)
    ) AS birth_date,
    gender AS sex,
    race
FROM raw_patients AS patients
LEFT JOIN stated_race ON stated_race.subject_id = as_whole(patients.subject_id)
