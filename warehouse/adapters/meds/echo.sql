-- Echocardiograms: those of table echo_study; without it, events coded as transthoracic echocardiography. One that has
-- no number of a DICOM study gets a number of its own, and no file can be linked to it. A code for any echocardiography
-- at the time of one of another kind (transesophageal, stress ...) alone is that.
SELECT CAST(study_id AS VARCHAR) AS study_id, as_whole(subject_id) AS subject_id, CAST(study_at AS VARCHAR) AS study_at, setting
FROM raw_echo_study
UNION ALL
SELECT DISTINCT coalesce(study_id, 'echo of ' || subject_id || ' at ' || CAST(happened_at AS VARCHAR)), subject_id, CAST(happened_at AS VARCHAR), NULL
FROM made_event
WHERE role = 'echo'
    AND NOT EXISTS (FROM raw_echo_study)
    AND NOT (
        target = 'echo//unspecified'
        AND (subject_id, happened_at) IN (SELECT (subject_id, happened_at) FROM made_event WHERE role = 'another_echo')
        AND (subject_id, happened_at) NOT IN (
            SELECT (subject_id, happened_at) FROM made_event WHERE role = 'echo' AND target <> 'echo//unspecified'
        )
    )
