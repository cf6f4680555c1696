-- Events coded as echocardiography with the study that each is of, and the reason why one is of none (null: it is of one).
-- One that has no number of a DICOM study is of the study that another of its time has, else gets a number of its own, and
-- no file can be linked to it. A code for any echocardiography at the time of one of another kind (transesophageal, stress
-- ...) alone is that.
WITH timed AS (
    SELECT
        *,
        happened_at IS NOT NULL
        AND bool_or(role = 'another_echo') OVER at_time
        AND NOT bool_or(role = 'echo' AND target <> 'unspecified') OVER at_time AS is_of_another_kind,
        CASE WHEN happened_at IS NOT NULL THEN min(study_id) FILTER (role = 'echo') OVER at_time END AS study_of_that_time
    FROM made_event
    WHERE role IN ('echo', 'another_echo')
    WINDOW at_time AS (PARTITION BY subject_id, happened_at)
)
SELECT
    coalesce(study_id, study_of_that_time, 'echo of ' || subject_id || ' at ' || CAST(happened_at AS VARCHAR)) AS study_id,
    subject_id,
    CAST(happened_at AS VARCHAR) AS study_at,
    CASE
        WHEN role = 'another_echo' OR target = 'unspecified' AND is_of_another_kind THEN 'ECHO_NOT_TRANSTHORACIC'
        WHEN EXISTS (FROM raw_echo_study) THEN 'ECHO_EVENT_NOT_READ'
    END AS reason
FROM timed
