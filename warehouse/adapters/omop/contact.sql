-- Evidence of life: the start and the end of a visit, and the end of a period of healthcare encounters. The end of any
-- other period (enrolment, a study, the day of the extract) is not evidence, and neither is that of a visit that is still open,
-- or a telephone call. What was planned took place if it ended on a later day: the data model has only visits that did.
WITH contact AS (
    SELECT
        person_id,
        started_at AS contact_at,
        described AS kind,
        detail,
        if(NOT is_open AND has_ended_later(started_at, ended_at), 'finished', NULL) AS status
    FROM made_visit
    WHERE NOT is_call
    UNION ALL
    SELECT person_id, ended_at, described, detail, if(has_ended_later(started_at, ended_at), 'finished', NULL)
    FROM made_visit
    WHERE ended_at IS NOT NULL AND NOT is_open AND NOT is_call
    UNION ALL
    SELECT as_whole(person_id), CAST(observation_period_end_date AS VARCHAR), target, NULL, NULL
    FROM raw_observation_period
    JOIN made_known_concept
        ON kind = 'period' AND concept_id = TRY_CAST(period_type_concept_id AS BIGINT)
)
SELECT coalesce(patient_id, contact.person_id) AS patient_id, contact_at, kind, status, detail
FROM contact
LEFT JOIN made_person_number USING (person_id)
