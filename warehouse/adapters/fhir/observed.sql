-- Observations, newest versions.
SELECT
    id,
    patient_reference(subject) AS subject,
    lower(as_text(status)) AS status,
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
        json_text(effectiveperiod, '$.start')
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
FROM raw_observation
WHERE resourcetype = 'Observation'
QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_observation)) = 1
