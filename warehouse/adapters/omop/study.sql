-- Echocardiograms (see echo.sql).
SELECT
    study_id,
    coalesce(patient_id, echo.person_id) AS patient_id,
    study_at,
    setting,
    'US' AS modality,
    NULL AS study_year
FROM made_echo AS echo
LEFT JOIN made_person_number USING (person_id)
