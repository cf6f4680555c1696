-- Procedures with the kind of echocardiography that they are; null if none. The concept tells, else the source concept,
-- else, where neither is a concept of the site's vocabulary, a listed code in the source value. Of a procedure of
-- several kinds, or of procedures of one time, the one that is no resting transthoracic study counts before one that
-- says no kind.
WITH known AS (
    SELECT DISTINCT TRY_CAST(concept_id AS BIGINT) AS concept_id
    FROM raw_concept
    WHERE TRY_CAST(concept_id AS BIGINT) IN (SELECT concept_id FROM made_standard)
        AND TRY_CAST(concept_id AS BIGINT) <> 0
),
class AS (
    SELECT
        concept_id,
        arg_min(target, echo_rank(target)) AS kind
    FROM made_class
    WHERE kind = 'echo'
    GROUP BY concept_id
),
code AS (
    SELECT upper(replace(code, '.', '')) AS plain, min(target) AS kind
    FROM (
        SELECT code, target, kind AS list FROM map_code_list
        UNION ALL
        SELECT trim(code), trim(target), trim(kind) FROM raw_site_code
    )
    WHERE list = 'echo'
    GROUP BY ALL
),
judged AS (
    SELECT
        TRY_CAST(procedure_occurrence_id AS BIGINT) AS event_id,
        as_whole(procedure.person_id) AS person_id,
        at_time(procedure_date, procedure_datetime) AS performed_at,
        visit.kind AS setting,
        coalesce(TRY_CAST(procedure_concept_id AS BIGINT), 0) AS concept_id,
        known.concept_id IS NOT NULL AS is_known,
        coalesce(by_concept.kind, by_source.kind, CASE WHEN known.concept_id IS NULL THEN by_code.kind END) AS kind
    FROM raw_procedure_occurrence AS procedure
    LEFT JOIN class AS by_concept ON by_concept.concept_id = TRY_CAST(procedure_concept_id AS BIGINT)
    LEFT JOIN class AS by_source ON by_source.concept_id = TRY_CAST(procedure_source_concept_id AS BIGINT)
    -- A modifier of CPT (93306-26) says who did what of it.
    LEFT JOIN code AS by_code
        ON by_code.plain
        = replace(regexp_replace(upper(as_whole(procedure_source_value)), '^(\d{5})[- ][A-Z0-9]{2}$', '\1'), '.', '')
    LEFT JOIN known ON known.concept_id = TRY_CAST(procedure_concept_id AS BIGINT)
    LEFT JOIN made_visit AS visit ON visit.visit_id = TRY_CAST(procedure.visit_occurrence_id AS BIGINT)
),
-- Of another kind alone: a code for any echocardiography at that time says the same of it once more.
of_another_kind AS (
    SELECT person_id, performed_at
    FROM judged
    WHERE kind IS NOT NULL AND performed_at IS NOT NULL
    GROUP BY ALL
    HAVING bool_or(NOT is_resting_echo(kind)) AND NOT bool_or(kind IN ('transthoracic', 'pediatric'))
)
SELECT
    judged.*,
    coalesce(is_resting_echo(kind), false) AND another.performed_at IS NULL AS is_study,
    NOT is_known AND kind IS NULL AS is_unknown
FROM judged
LEFT JOIN of_another_kind AS another
    ON another.person_id = judged.person_id AND another.performed_at = judged.performed_at AND kind = 'unspecified'
