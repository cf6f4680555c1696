-- Persons. The age in the anchor year is all that is known of the birth: on the first of January, so that whole years
-- at an echo are anchor_age + year(echo) - anchor_year. An anchor age of 91 stands for everybody over 89.
WITH spoken_race AS (
    SELECT subject_id, min(race) AS race
    FROM raw_admissions
    WHERE NOT regexp_matches(upper(race), 'UNKNOWN|UNABLE|DECLINED')
    GROUP BY subject_id
    HAVING count(DISTINCT race) = 1
)
SELECT
    patients.subject_id AS patient_id,
    CAST(TRY_CAST(anchor_year AS INTEGER) - TRY_CAST(anchor_age AS INTEGER) AS VARCHAR) || '-01-01' AS birth_date,
    gender AS sex,
    race
FROM raw_patients AS patients
LEFT JOIN spoken_race ON CAST(spoken_race.subject_id AS VARCHAR) = CAST(patients.subject_id AS VARCHAR)
