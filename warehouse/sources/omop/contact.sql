-- Evidence of life: the beginning and the end of a visit, and the end of a period of healthcare encounters. The end of
-- any other period (enrolment, a study, the extract's own day) proves nothing.
WITH visit AS (
    SELECT
        visit.person_id,
        visit.visit_start_datetime,
        visit.visit_start_date,
        visit.visit_end_datetime,
        visit.visit_end_date,
        concat_ws(' ', visit_kind.target, visit.visit_source_value) AS kind
    FROM raw_visit_occurrence AS visit
    LEFT JOIN map_concepts AS visit_kind
        ON visit_kind.kind = 'visit'
        AND TRY_CAST(visit_kind.concept_id AS BIGINT) = TRY_CAST(visit.visit_concept_id AS BIGINT)
),
contact AS (
    SELECT
        person_id,
        coalesce(CAST(visit_start_datetime AS VARCHAR), CAST(visit_start_date AS VARCHAR)) AS contact_at,
        kind
    FROM visit
    UNION ALL
    SELECT person_id, coalesce(CAST(visit_end_datetime AS VARCHAR), CAST(visit_end_date AS VARCHAR)), kind
    FROM visit
    WHERE visit_end_datetime IS NOT NULL OR visit_end_date IS NOT NULL
    UNION ALL
    SELECT period.person_id, CAST(period.observation_period_end_date AS VARCHAR), period_kind.target
    FROM raw_observation_period AS period
    JOIN map_concepts AS period_kind
        ON period_kind.kind = 'period'
        AND TRY_CAST(period_kind.concept_id AS BIGINT) = TRY_CAST(period.period_type_concept_id AS BIGINT)
)
SELECT
    coalesce(CAST(person.person_source_value AS VARCHAR), CAST(contact.person_id AS VARCHAR)) AS patient_id,
    contact_at,
    nullif(kind, '') AS kind
FROM contact
LEFT JOIN raw_person AS person ON TRY_CAST(person.person_id AS BIGINT) = TRY_CAST(contact.person_id AS BIGINT)
