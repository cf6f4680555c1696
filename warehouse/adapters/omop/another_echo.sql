-- Procedures that are echocardiographies of another kind (transesophageal, stress ...), as far as the site's table
-- names none of them as a study.
SELECT DISTINCT event_id, person_id
FROM made_echo_procedure
WHERE kind IS NOT NULL AND NOT is_study AND event_id NOT IN (SELECT event_id FROM made_echo WHERE event_id IS NOT NULL)
