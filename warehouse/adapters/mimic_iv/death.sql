-- Statements of death: the first time of death in hospital, and dod, which joins hospital and state records. If they are
-- some days apart, the hospital's is used. A death in hospital without a time gets the day of discharge, if there is no
-- dod.
WITH in_hospital AS (
    SELECT
        as_whole(subject_id) AS subject_id,
        min(as_moment(deathtime)) AS died_at,
        max(as_moment(dischtime)) FILTER (TRY_CAST(hospital_expire_flag AS INTEGER) = 1) AS left_dead_at,
        bool_or(deathtime IS NOT NULL OR TRY_CAST(hospital_expire_flag AS INTEGER) = 1) AS is_dead
    FROM raw_admissions
    GROUP BY ALL
)
SELECT subject_id AS patient_id, CAST(died_at AS VARCHAR) AS death_date, 'hospital' AS source
FROM in_hospital
WHERE died_at IS NOT NULL
UNION ALL
SELECT as_whole(subject_id), CAST(dod AS VARCHAR), 'record'
FROM raw_patients
WHERE dod IS NOT NULL
UNION ALL
SELECT in_hospital.subject_id, CAST(CAST(left_dead_at AS DATE) AS VARCHAR), 'hospital'
FROM in_hospital
LEFT JOIN raw_patients AS patients ON as_whole(patients.subject_id) = in_hospital.subject_id
WHERE is_dead AND died_at IS NULL AND patients.dod IS NULL
