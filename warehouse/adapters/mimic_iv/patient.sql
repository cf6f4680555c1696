-- Persons. Only the age in the anchor year is known. The birth date is set to the first of January, so that whole years
-- at an echo are anchor_age + year(echo) - anchor_year. An anchor age of 91 means over 89. Text that is not a number is
-- passed on, so that staging counts it.
SELECT
    as_whole(patients.subject_id) AS patient_id,
    coalesce(
        CAST(TRY_CAST(anchor_year AS INTEGER) - TRY_CAST(anchor_age AS INTEGER) AS VARCHAR) || '-01-01',
        CAST(anchor_age AS VARCHAR)
    ) AS birth_date,
    gender AS sex,
    race
FROM raw_patients AS patients
LEFT JOIN made_race AS stated ON stated.subject_id = as_whole(patients.subject_id)
