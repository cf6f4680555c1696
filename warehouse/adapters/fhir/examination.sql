-- Procedures and reports, newest versions, with the kind of echocardiography that each is by its codes and words: of
-- one of the lists (code_list.csv; a code for any echocardiography may be narrowed by its words); null: none. The
-- site's code_map names transthoracic ones. did_not: it did not take place, or was entered in error.
WITH listed AS (
    SELECT
        'Procedure' AS type,
        id,
        patient_named(subject, contained) AS subject,
        lower(as_text(status)) AS status,
        json_parts(identifier) AS identifiers,
        coalesce(
            as_text(performeddatetime),
            json_text(performedperiod, '$.start'),
            as_text(occurrencedatetime),
            json_text(occurrenceperiod, '$.start')
        ) AS study_at,
        fhir_reference(encounter, 'Encounter', 'Procedure/' || id) AS encounter_id,
        code,
        [] AS imaging_ids
    FROM raw_procedure
    WHERE resourcetype = 'Procedure'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_procedure)) = 1
    UNION ALL
    SELECT 'DiagnosticReport', id, subject, status, identifiers, reported_on, encounter_id, code, imaging_ids
    FROM made_report
),
coding AS (
    SELECT type, id, unnest(json_parts(json_text(code, '$.coding'))) AS one
    FROM listed
),
by_code AS (
    SELECT
        type,
        id,
        arg_min(kind, echo_rank(kind)) AS kind
    FROM (
        SELECT
            type,
            id,
            CASE WHEN priority = 1 THEN 'transthoracic' ELSE coalesce(code_list.target, 'unspecified') END AS kind
        FROM coding
        LEFT JOIN map_systems ON map_systems.system = code_system(json_text(one, '$.system'))
        LEFT JOIN made_coded AS coded
            ON coded.code = json_text(one, '$.code')
            AND coded.target = 'echo'
            AND (
                coded.vocabulary IS NULL
                OR coded.vocabulary = coalesce(map_systems.vocabulary, json_text(one, '$.system'))
            )
        LEFT JOIN map_code_list AS code_list
            ON code_list.kind = 'echo'
            AND code_list.vocabulary = map_systems.vocabulary
            AND code_list.code = json_text(one, '$.code')
        WHERE coded.target IS NOT NULL OR code_list.target IS NOT NULL
    )
    GROUP BY ALL
),
worded AS (
    SELECT
        *,
        concept_words(code) AS words
    FROM listed
    LEFT JOIN by_code USING (type, id)
)
SELECT
    * EXCLUDE (kind, code, words),
    CASE
        WHEN kind IS NOT NULL AND is_of_another_kind(words) OR is_another_echo(words) THEN 'other'
        WHEN kind = 'unspecified' AND is_transthoracic(words) THEN 'transthoracic'
        ELSE kind
    END AS kind,
    coalesce(
        status IN ('entered-in-error', 'not-done', 'preparation', 'on-hold', 'stopped', 'cancelled', 'registered'), false
    ) AS did_not
FROM worded
