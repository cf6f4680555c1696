-- Echocardiograms, from the first of: the site's table echo_study; the imaging extension (image_study.sql); procedures
-- coded as echocardiography, to which no echo file can be linked. A procedure is a study of its own where the extension has
-- no image of its person on its day. Several codes of one time are one echo: event_id is the first, and the others count
-- in echo_event.sql.
WITH listed AS (
    SELECT
        CAST(study_id AS VARCHAR) AS study_id,
        as_whole(person_id) AS person_id,
        CAST(study_at AS VARCHAR) AS study_at,
        setting,
        TRY_CAST(procedure_occurrence_id AS BIGINT) AS event_id
    FROM raw_echo_study
),
imaged AS (
    SELECT study_id, person_id, study_at, setting, event_id
    FROM made_image_study
    WHERE is_echo AND NOT EXISTS (FROM raw_echo_study)
)
SELECT * FROM listed
UNION ALL
SELECT * FROM imaged
UNION ALL
SELECT
    'procedure ' || coalesce(CAST(min(event_id) AS VARCHAR), ''),
    person_id,
    performed_at,
    min(setting),
    min(event_id)
FROM made_echo_procedure AS procedure
WHERE is_study
    AND NOT EXISTS (FROM raw_echo_study)
    AND NOT EXISTS (
        FROM imaged
        WHERE imaged.person_id = procedure.person_id
            AND (
                imaged.event_id = procedure.event_id
                OR CAST(as_moment(imaged.study_at) AS DATE) = CAST(as_moment(performed_at) AS DATE)
            )
    )
GROUP BY person_id, performed_at
