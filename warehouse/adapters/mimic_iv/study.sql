-- Echocardiograms. Studies that only the list of files has get the time of their first file. study_year is the middle of
-- the anchor's three true years, plus the years from the shifted anchor year to the shifted echo.
WITH known AS (
    SELECT
        as_whole(subject_id) AS subject_id, as_whole(study_id) AS study_id, CAST(study_datetime AS VARCHAR) AS study_at
    FROM raw_echo_study_list
),
listed AS (
    SELECT * FROM known
    UNION ALL
    SELECT
        as_whole(subject_id) AS subject_id,
        as_whole(study_id) AS study_id,
        CAST(min(acquisition_datetime) AS VARCHAR)
    FROM raw_echo_record_list AS record
    WHERE NOT EXISTS (FROM known WHERE known.study_id = as_whole(record.study_id))
    GROUP BY ALL
),
stay_at_study AS (
    SELECT study_id, listed.subject_id, min_by(kind, CASE kind WHEN 'inpatient' THEN 1 ELSE 2 END) AS setting
    FROM listed
    JOIN made_stay AS stay ON stay.subject_id = listed.subject_id AND kind IN ('inpatient', 'emergency')
        AND as_moment(study_at) BETWEEN as_moment(began_at) AND as_moment(ended_at)
    GROUP BY ALL
)
SELECT
    study_id,
    listed.subject_id AS patient_id,
    study_at,
    coalesce(setting, 'outpatient') AS setting,
    'US' AS modality,
    TRY_CAST(regexp_extract(anchor_year_group, '(\d{4})', 1) AS INTEGER) + 1
        + year(as_moment(study_at)) - TRY_CAST(anchor_year AS INTEGER) AS study_year
FROM listed
LEFT JOIN stay_at_study USING (study_id, subject_id)
LEFT JOIN raw_patients AS patients ON as_whole(patients.subject_id) = listed.subject_id
