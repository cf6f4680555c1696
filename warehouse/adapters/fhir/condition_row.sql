-- Conditions, newest versions: the reason why one is not read (null: it is), and when it was known: when it was
-- recorded, else with its encounter (see visit.sql), else when it began (dated_by onset). has_ended: by its clinical
-- status.
SELECT
    condition.id,
    patient_named(condition.subject, condition.contained) AS subject,
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
    -- The codes of its status, a site's own among them, and of the German extension for the certainty of a diagnosis.
    list_concat(
        list_transform(json_parts(json_text(verificationstatus, '$.coding')), lambda one: json_text(one, '$.code')),
        [lower(coalesce(json_text(verificationstatus, '$.text'), as_text(verificationstatus)))],
        list_transform(
            list_filter(
                flatten(
                    list_transform(
                        json_parts(json_text(code, '$.coding')), lambda one: json_parts(json_text(one, '$.extension'))
                    )
                ),
                lambda one: contains(json_text(one, '$.url'), 'diagnosesicherheit')
            ),
            lambda one: json_text(one, '$.valueCoding.code')
        )
    ) AS statuses,
    coalesce(
        list_has_any(
            list_append(
                list_transform(json_parts(json_text(clinicalstatus, '$.coding')), lambda one: json_text(one, '$.code')),
                lower(coalesce(json_text(clinicalstatus, '$.text'), as_text(clinicalstatus)))
            ),
            ['inactive', 'remission', 'resolved']
        ),
        false
    ) AS has_ended,
    CASE
        WHEN list_contains(statuses, 'entered-in-error') THEN 'ENTERED_IN_ERROR'
        WHEN list_has_any(statuses, ['refuted', 'A']) THEN 'CONDITION_REFUTED'
        WHEN list_has_any(statuses, ['unconfirmed', 'provisional', 'differential', 'V']) THEN 'CONDITION_NOT_CONFIRMED'
    END AS reason
FROM raw_condition AS condition
LEFT JOIN made_visit AS visit ON visit.id = fhir_reference(condition.encounter, 'Encounter', 'Condition/' || condition.id)
WHERE resourcetype = 'Condition'
QUALIFY condition.id IS NULL OR row_number() OVER (PARTITION BY condition.id ORDER BY version_of(meta) DESC, hash(condition)) = 1
