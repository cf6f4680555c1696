-- Procedures that are echocardiographies, with the one reason that is counted for each (null: none). Of several codes of one
-- person and time, which are one study (echo.sql), one that says the kind is the study's, and the others repeat it.
WITH ranked AS (
    SELECT
        *,
        (person_id, coalesce(performed_at, '')) IN (
            SELECT (person_id, coalesce(study_at, '')) FROM made_echo WHERE starts_with(study_id, 'procedure ')
        )
        AND row_number() OVER (PARTITION BY is_study, person_id, performed_at ORDER BY kind = 'unspecified', event_id) > 1
            AS is_repeated
    FROM made_echo_procedure
    WHERE kind IS NOT NULL AND NOT EXISTS (FROM raw_echo_study)
)
SELECT
    event_id,
    CASE
        WHEN NOT is_study THEN 'ECHO_NOT_TRANSTHORACIC'
        WHEN is_repeated THEN 'ECHO_CODED_TWICE'
        WHEN kind = 'unspecified' THEN 'ECHO_OF_UNSPECIFIED_KIND'
    END AS reason
FROM ranked
