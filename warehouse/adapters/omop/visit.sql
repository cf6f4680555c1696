-- Visits with their kind, and the time at which diagnoses coded in them are known (known_at). In a stay (an inpatient
-- visit, or one over midnight) that is its end. An end at midnight is a day without a time, and means the end of that
-- day.
WITH source_row AS (
    SELECT
        TRY_CAST(visit_occurrence_id AS BIGINT) AS visit_id,
        as_whole(person_id) AS person_id,
        coalesce(CAST(visit_start_datetime AS VARCHAR), CAST(visit_start_date AS VARCHAR)) AS started_at,
        coalesce(CAST(visit_end_datetime AS VARCHAR), CAST(visit_end_date AS VARCHAR)) AS ended_at,
        TRY_CAST(visit_start_date AS DATE) AS first_day,
        TRY_CAST(ended_at AS TIMESTAMP) AS left_at,
        known_concept.target AS kind,
        visit_source_value
    FROM raw_visit_occurrence AS visit
    LEFT JOIN made_known_concept AS known_concept
        ON known_concept.kind = 'visit' AND concept_id = TRY_CAST(visit_concept_id AS BIGINT)
)
SELECT
    visit_id,
    person_id,
    started_at,
    ended_at,
    kind,
    nullif(concat_ws(' ', kind, visit_source_value), '') AS described,
    coalesce(kind = 'inpatient', false) OR coalesce(CAST(left_at AS DATE) > first_day, false) AS is_stay,
    CASE
        WHEN left_at = CAST(left_at AS DATE) THEN strftime(left_at, '%Y-%m-%d') || ' 23:59:59'
        ELSE ended_at
    END AS known_at
FROM source_row
