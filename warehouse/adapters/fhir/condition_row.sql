-- Conditions, newest versions: the reason why one is not read (null: it is), and when it was known: when it was recorded,
-- else with its encounter (see visit.sql), else when it began (dated_by onset).
SELECT
    condition.id,
    patient_reference(condition.subject) AS subject,
    CAST(code AS VARCHAR) AS concept,
    coalesce(
        as_text(recordeddate),
        CASE WHEN is_stay THEN visit.known_at ELSE visit.started_at END,
        as_text(onsetdatetime),
        json_text(onsetperiod, '$.start')
    ) AS recorded_at,
    CASE
        WHEN as_text(recordeddate) IS NOT NULL THEN 'record'
        WHEN CASE WHEN is_stay THEN visit.known_at ELSE visit.started_at END IS NOT NULL THEN 'encounter'
        WHEN recorded_at IS NOT NULL THEN 'onset'
    END AS dated_by,
    CASE coalesce(json_text(verificationstatus, '$.coding[0].code'), lower(as_text(verificationstatus)))
        WHEN 'entered-in-error' THEN 'ENTERED_IN_ERROR'
        WHEN 'refuted' THEN 'CONDITION_REFUTED'
        WHEN 'unconfirmed' THEN 'CONDITION_NOT_CONFIRMED'
        WHEN 'provisional' THEN 'CONDITION_NOT_CONFIRMED'
        WHEN 'differential' THEN 'CONDITION_NOT_CONFIRMED'
    END AS reason
FROM raw_condition AS condition
LEFT JOIN made_visit AS visit ON visit.id = fhir_id(json_text(condition.encounter, '$.reference'), 'Encounter')
WHERE resourcetype = 'Condition'
QUALIFY condition.id IS NULL OR row_number() OVER (PARTITION BY condition.id ORDER BY updated_at(meta) DESC) = 1
