-- The procedures of an echocardiogram: its own, and others that are coded for the same person at the same time.
SELECT study_id, person_id, event_id
FROM made_echo
WHERE event_id IS NOT NULL
UNION
SELECT study_id, procedure.person_id, procedure.event_id
FROM made_echo_procedure AS procedure
JOIN made_echo AS echo ON echo.person_id = procedure.person_id AND echo.study_at = procedure.performed_at
WHERE procedure.is_study AND echo.study_id LIKE 'procedure %'
