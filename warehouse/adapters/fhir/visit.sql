-- Encounters, newest versions: what proves presence (kind, status, detail), and the time at which diagnoses of the
-- encounter are known (known_at): in a stay (an inpatient class, or one over midnight) its end.
WITH source_row AS (
    SELECT
        id,
        patient_named(subject, contained) AS subject,
        status,
        class,
        type,
        servicetype,
        coalesce(period, actualperiod) AS period,
        coalesce(hospitalization, admission) AS hospitalization
    FROM raw_encounter
    WHERE resourcetype = 'Encounter'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_encounter)) = 1
    UNION ALL
    SELECT
        id,
        coalesce(patient_named(json_text(one, '$.subject'), contained), owner_subject),
        status,
        json_text(one, '$.class'),
        json_text(one, '$.type'),
        json_text(one, '$.serviceType'),
        coalesce(json_text(one, '$.period'), json_text(one, '$.actualPeriod')),
        coalesce(json_text(one, '$.hospitalization'), json_text(one, '$.admission'))
    FROM made_contained
    WHERE type = 'Encounter'
),
latest AS (
    SELECT
        id,
        subject,
        lower(as_text(status)) AS status,
        -- R4 has one coding; a list of concepts is what R5 makes of it. One of the standard comes first.
        flatten(
            list_transform(
                json_parts(class), lambda one: coalesce(nullif(json_parts(json_text(one, '$.coding')), []), [one])
            )
        ) AS classes,
        coalesce(list_filter(classes, lambda one: is_class_system(json_text(one, '$.system')))[1], classes[1]) AS first_class,
        json_text(first_class, '$.code') AS code,
        json_text(first_class, '$.system') AS system,
        coalesce(json_text(first_class, '$.display'), json_text(first_class, '$.text')) AS display,
        array_to_string(
            list_transform(
                list_concat(json_parts(type), json_parts(servicetype)),
                lambda one: concept_words(coalesce(referenced_concept(one), one))
            ),
            ' '
        ) AS type_text,
        json_text(period, '$.start') AS started_at,
        json_text(period, '$.end') AS ended_at,
        json_text(hospitalization, '$.dischargeDisposition') AS disposition,
        -- The German reason of discharge is an extension, perhaps in two parts.
        list_concat(
            json_parts(json_text(disposition, '$.coding')),
            json_extract_string(disposition, '$.extension[*].valueCoding'),
            json_extract_string(disposition, '$.extension[*].extension[*].valueCoding')
        ) AS dispositions
    FROM source_row
),
known AS (
    SELECT
        *,
        system IS NULL OR is_class_system(system) AS is_standard,
        as_moment(started_at) AS came_at,
        as_moment(ended_at) AS left_at
    FROM latest
)
SELECT
    id,
    subject,
    status,
    started_at,
    ended_at,
    nullif(type_text, '') AS detail,
    CASE
        -- A virtual encounter may be a telephone call, which proves nothing.
        WHEN is_standard AND upper(code) = 'VR' AND contains(lower(type_text), 'video') THEN 'video visit'
        WHEN is_standard THEN coalesce(code, display, nullif(type_text, ''))
        ELSE coalesce(display, code)
    END AS kind,
    CASE
        WHEN NOT is_standard THEN NULL
        WHEN upper(code) IN ('IMP', 'ACUTE', 'NONAC', 'OBSENC', 'SS') THEN 'inpatient'
        WHEN upper(code) = 'EMER' THEN 'emergency'
        WHEN upper(code) IN ('AMB', 'HH', 'FLD', 'VR') THEN 'outpatient'
    END AS setting,
    coalesce(setting = 'inpatient' OR CAST(left_at AS DATE) > CAST(came_at AS DATE), false) AS is_stay,
    CASE WHEN regexp_full_match(ended_at, '\d{4}-\d\d-\d\d') THEN ended_at || ' 23:59:59' ELSE ended_at END AS known_at,
    coalesce(status NOT IN ('planned', 'cancelled', 'entered-in-error'), true) AS took_place,
    len(
        list_filter(
            dispositions,
            lambda one: json_text(one, '$.code') = 'exp'
                OR says_dead(coalesce(json_text(one, '$.display'), json_text(one, '$.code')))
                OR is_code_of_death(one)
        )
    ) > 0
    OR says_dead(json_text(disposition, '$.text')) AS left_dead
FROM known
