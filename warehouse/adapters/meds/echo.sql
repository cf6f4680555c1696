-- Echocardiograms: those of table echo_study; without it, events coded as transthoracic echocardiography (echo_event.sql).
SELECT CAST(study_id AS VARCHAR) AS study_id, as_whole(subject_id) AS subject_id, CAST(study_at AS VARCHAR) AS study_at, setting
FROM raw_echo_study
UNION ALL
SELECT DISTINCT study_id, subject_id, study_at, NULL
FROM made_echo_event
WHERE reason IS NULL
