-- Observations, newest versions, and those within other resources. states_death: the date of death (LOINC 81956-5), or a vital
-- status (LOINC 67162-8) that says so.
WITH source_row AS (
    SELECT
        id,
        patient_named(subject, contained) AS subject,
        status,
        category,
        effectivedatetime,
        effectiveinstant,
        effectiveperiod,
        effectivetiming,
        NULL AS owner_effective_at,
        issued,
        code,
        valuequantity,
        valueinteger,
        valuestring,
        valueboolean,
        valuecodeableconcept,
        valuedatetime,
        component,
        partof,
        derivedfrom
    FROM raw_observation
    WHERE resourcetype = 'Observation'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_observation)) = 1
    UNION ALL
    SELECT
        id,
        coalesce(patient_named(json_text(one, '$.subject'), contained), owner_subject),
        status,
        json_text(one, '$.category'),
        json_text(one, '$.effectiveDateTime'),
        json_text(one, '$.effectiveInstant'),
        json_text(one, '$.effectivePeriod'),
        json_text(one, '$.effectiveTiming'),
        owner_effective_at,
        coalesce(json_text(one, '$.issued'), as_text(owner_issued_at)),
        json_text(one, '$.code'),
        json_text(one, '$.valueQuantity'),
        json_text(one, '$.valueInteger'),
        json_text(one, '$.valueString'),
        json_text(one, '$.valueBoolean'),
        json_text(one, '$.valueCodeableConcept'),
        json_text(one, '$.valueDateTime'),
        json_text(one, '$.component'),
        json_text(one, '$.partOf'),
        json_text(one, '$.derivedFrom')
    FROM made_contained
    WHERE type = 'Observation'
)
SELECT
    id,
    subject,
    lower(as_text(status)) AS status,
    CASE
        WHEN contains(CAST(code AS VARCHAR), '"81956-5"') THEN as_text(valuedatetime) IS NOT NULL
        WHEN contains(CAST(code AS VARCHAR), '"67162-8"')
            THEN len(list_filter(json_parts(json_text(valuecodeableconcept, '$.coding')), lambda one: is_code_of_death(one))) > 0
                OR says_dead(
                    coalesce(
                        json_text(valuecodeableconcept, '$.text'),
                        json_text(valuecodeableconcept, '$.coding[0].display'),
                        as_text(valuestring)
                    )
                )
        ELSE false
    END AS states_death,
    coalesce(
        list_has_any(
            flatten(list_transform(json_parts(category), lambda one: json_extract_string(one, '$.coding[*].code'))),
            ['vital-signs', 'exam', 'imaging', 'procedure', 'social-history', 'survey', 'activity', 'therapy']
        ),
        false
    ) AS is_of_the_patient,
    coalesce(
        as_text(effectivedatetime),
        as_text(effectiveinstant),
        json_text(effectiveperiod, '$.end'),
        json_text(effectiveperiod, '$.start'),
        list_max(list_transform(json_parts(json_text(effectivetiming, '$.event')), lambda one: json_text(one, '$'))),
        as_text(owner_effective_at)
    ) AS effective_at,
    as_text(issued) AS issued_at,
    code,
    valuequantity,
    valueinteger,
    valuestring,
    valueboolean,
    valuecodeableconcept,
    valuedatetime,
    component,
    list_transform(
        list_concat(json_parts(partof), json_parts(derivedfrom)), lambda one: json_text(one, '$.reference')
    ) AS origins
FROM source_row
