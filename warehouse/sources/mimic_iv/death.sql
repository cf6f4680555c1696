-- Statements of death: the first time of death in hospital, and dod, which joins hospital and state records. They may
-- be some days apart: the hospital's counts. A death in hospital without its time is one of the day of discharge, and
-- only where dod is silent.
WITH in_hospital AS (
    SELECT
        subject_id,
        min(TRY_CAST(deathtime AS TIMESTAMP)) AS died_at,
        max(TRY_CAST(dischtime AS TIMESTAMP)) FILTER (TRY_CAST(hospital_expire_flag AS INTEGER) = 1) AS left_dead_at
    FROM raw_admissions
    GROUP BY subject_id
)
SELECT subject_id AS patient_id, CAST(CAST(died_at AS DATE) AS VARCHAR) AS death_date, 'hospital' AS source
FROM in_hospital
WHERE died_at IS NOT NULL
UNION ALL
SELECT subject_id, CAST(dod AS VARCHAR), 'record'
FROM raw_patients
WHERE dod IS NOT NULL
UNION ALL
SELECT in_hospital.subject_id, CAST(CAST(left_dead_at AS DATE) AS VARCHAR), 'hospital'
FROM in_hospital
LEFT JOIN raw_patients AS patients
    ON CAST(patients.subject_id AS VARCHAR) = CAST(in_hospital.subject_id AS VARCHAR)
WHERE died_at IS NULL AND left_dead_at IS NOT NULL AND patients.dod IS NULL
