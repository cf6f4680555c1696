-- Evidence of life: admissions, stays in the emergency department, transfers. And what dod proves by its silence: a
-- death within 365 days of the last discharge, the emergency department's among them, would be known. That holds only
-- where the release gives dod at all (in the first one every dod is null).
WITH stay AS (
    SELECT subject_id, admittime AS began_at, dischtime AS ended_at, 'inpatient' AS kind FROM raw_admissions
    UNION ALL
    SELECT subject_id, intime, outtime, 'emergency' FROM raw_edstays
    UNION ALL
    SELECT subject_id, intime, outtime, 'transfer' FROM raw_transfers
),
last_discharge AS (
    SELECT subject_id, max(TRY_CAST(ended_at AS TIMESTAMP)) AS left_at
    FROM stay
    GROUP BY subject_id
)
SELECT subject_id AS patient_id, CAST(began_at AS VARCHAR) AS contact_at, kind FROM stay WHERE began_at IS NOT NULL
UNION ALL
SELECT subject_id, CAST(ended_at AS VARCHAR), kind FROM stay WHERE ended_at IS NOT NULL
UNION ALL
SELECT
    patients.subject_id,
    CAST(CAST(left_at AS DATE) + 365 AS VARCHAR),
    'registry_silence'
FROM raw_patients AS patients
JOIN last_discharge ON CAST(last_discharge.subject_id AS VARCHAR) = CAST(patients.subject_id AS VARCHAR)
WHERE dod IS NULL AND left_at IS NOT NULL AND EXISTS (FROM raw_patients WHERE dod IS NOT NULL)
    AND NOT EXISTS (
        FROM raw_admissions AS admissions
        WHERE CAST(admissions.subject_id AS VARCHAR) = CAST(patients.subject_id AS VARCHAR)
            AND (admissions.deathtime IS NOT NULL OR TRY_CAST(admissions.hospital_expire_flag AS INTEGER) = 1)
    )
