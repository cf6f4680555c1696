-- Echocardiograms; those that only the list of files knows take the time of their first file. The year is the middle of
-- the anchor's three true years, moved as far as the shifted year of the echo lies from the shifted anchor year.
WITH listed AS (
    SELECT
        CAST(subject_id AS VARCHAR) AS subject_id,
        CAST(study_id AS VARCHAR) AS study_id,
        CAST(study_datetime AS VARCHAR) AS study_at
    FROM raw_echo_study_list
    UNION ALL
    SELECT CAST(subject_id AS VARCHAR), CAST(study_id AS VARCHAR), CAST(min(acquisition_datetime) AS VARCHAR)
    FROM raw_echo_record_list
    WHERE CAST(study_id AS VARCHAR) NOT IN (SELECT CAST(study_id AS VARCHAR) FROM raw_echo_study_list)
    GROUP BY ALL
),
stay AS (
    SELECT
        CAST(subject_id AS VARCHAR) AS subject_id,
        TRY_CAST(admittime AS TIMESTAMP) AS began_at,
        TRY_CAST(dischtime AS TIMESTAMP) AS ended_at
    FROM raw_admissions
)
SELECT
    study_id,
    listed.subject_id AS patient_id,
    study_at,
    CASE
        WHEN EXISTS (
            FROM stay
            WHERE stay.subject_id = listed.subject_id AND TRY_CAST(study_at AS TIMESTAMP) BETWEEN began_at AND ended_at
        ) THEN 'inpatient'
        ELSE 'outpatient'
    END AS setting,
    'US' AS modality,
    TRY_CAST(regexp_extract(anchor_year_group, '(\d{4})', 1) AS INTEGER) + 1
        + year(TRY_CAST(study_at AS TIMESTAMP)) - TRY_CAST(anchor_year AS INTEGER) AS study_year
FROM listed
LEFT JOIN raw_patients AS patients ON CAST(patients.subject_id AS VARCHAR) = listed.subject_id
