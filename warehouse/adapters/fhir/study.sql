-- Echocardiograms: imaging studies of the heart by ultrasound, and echocardiographies coded as procedures without one.
WITH echo AS (
    FROM (SELECT study_id, subject, study_at, encounter_id FROM made_imaging WHERE reason IS NULL)
    UNION ALL
    FROM (SELECT study_id, subject, study_at, encounter_id FROM made_echo_procedure WHERE reason IS NULL)
)
SELECT
    study_id,
    coalesce(subject.patient_id, echo.subject) AS patient_id,
    study_at,
    visit.setting,
    'US' AS modality,
    NULL AS study_year
FROM echo
LEFT JOIN made_subject AS subject ON subject.reference = echo.subject
LEFT JOIN (SELECT id, min(setting) AS setting FROM made_visit GROUP BY id) AS visit ON visit.id = echo.encounter_id
