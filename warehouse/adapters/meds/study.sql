-- Echocardiograms (see echo.sql).
SELECT study_id, subject_id AS patient_id, study_at, setting, 'US' AS modality, NULL AS study_year
FROM made_echo
