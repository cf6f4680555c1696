-- asset: outcomes
-- also: contact, death
-- never: A survivor without evidence of life.
-- At every horizon: studies with both a label and a reason, or with neither; deaths without a day within the horizon; and
-- survivors without a record at or after its end: a death after it or, unless follow-up is by registry, a contact or a later
-- echo.
WITH evidence AS (
    SELECT patient_key, CAST(contact_at AS DATE) AS day FROM contact
    UNION ALL
    SELECT patient_key, CAST(study_at AS DATE) FROM study
    UNION ALL
    SELECT patient_key, latest_date FROM death
),
last_known AS (
    SELECT patient_key, max(day) AS day
    FROM evidence
    GROUP BY patient_key
)
SELECT count(*) AS offending
FROM (
    SELECT outcome.*, horizon_days
    FROM outcome
    CROSS JOIN outcome_rule
    UNION ALL BY NAME
    SELECT outcome_at_horizon.*, days, event
    FROM outcome_at_horizon
    LEFT JOIN (SELECT study_key, days, event FROM outcome) USING (study_key)
) AS judged
CROSS JOIN (SELECT follow_up FROM outcome_rule)
LEFT JOIN study USING (study_key)
LEFT JOIN last_known ON last_known.patient_key = judged.patient_key
WHERE (label IS NULL) = (judged.reason IS NULL)
    OR (
        label = 1
        AND NOT coalesce(
            event
            AND days BETWEEN 0 AND horizon_days
            AND EXISTS (FROM death WHERE death.patient_key = judged.patient_key),
            false
        )
    )
    OR (
        label = 0
        AND NOT coalesce(
            days >= horizon_days
            AND (follow_up = 'registry' OR last_known.day - CAST(study_at AS DATE) >= horizon_days),
            false
        )
    )
