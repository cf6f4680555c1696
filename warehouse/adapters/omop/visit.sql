-- Visits with their kind, and the time at which diagnoses coded in them are known (known_at). In a stay (an inpatient
-- visit, or one over midnight) that is its end. An end at midnight is a day without a time, and means the end of that
-- day. is_open: the visit went on at the time of the extract, whose day the data model then asks for as its end (32220, still
-- patient). is_call: a telephone call. left_dead: by the concept of the discharge, its name in the site's vocabulary, or the words
-- of the source.
WITH visit AS (
    SELECT
        *,
        coalesce(TRY_CAST(discharged_to_concept_id AS BIGINT), TRY_CAST(discharge_to_concept_id AS BIGINT)) AS discharge_id
    FROM raw_visit_occurrence
),
visit_name AS (
    -- Concepts that concepts.csv lacks, by their name in the site's vocabulary; 0 is no concept.
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, min(concept_name) AS name
    FROM raw_concept
    WHERE TRY_CAST(concept_id AS BIGINT) IN (
            SELECT TRY_CAST(visit_concept_id AS BIGINT) FROM visit
            UNION ALL
            SELECT discharge_id FROM visit
        )
        AND TRY_CAST(concept_id AS BIGINT) <> 0
    GROUP BY ALL
),
source_row AS (
    SELECT
        TRY_CAST(visit_occurrence_id AS BIGINT) AS visit_id,
        as_whole(person_id) AS person_id,
        at_time(visit_start_date, visit_start_datetime) AS started_at,
        at_time(visit_end_date, visit_end_datetime) AS ended_at,
        CAST(as_moment(visit_start_date) AS DATE) AS first_day,
        as_moment(ended_at) AS left_at,
        open_visit.target IS NOT NULL OR coalesce(discharge.target = 'still patient', false) AS is_open,
        known_concept.target AS kind,
        concept.name AS concept_name,
        CAST(visit_source_value AS VARCHAR) AS visit_source_value,
        coalesce(discharge.target = 'dead', false)
        OR says_dead(discharge_concept.name)
        OR says_dead(coalesce(as_text(discharged_to_source_value), as_text(discharge_to_source_value))) AS left_dead
    FROM visit
    LEFT JOIN made_known_concept AS known_concept
        ON known_concept.kind = 'visit' AND known_concept.concept_id = TRY_CAST(visit_concept_id AS BIGINT)
    LEFT JOIN visit_name AS concept ON concept.concept_id = TRY_CAST(visit_concept_id AS BIGINT)
    LEFT JOIN made_known_concept AS discharge
        ON discharge.kind = 'discharge'
        AND discharge.concept_id = discharge_id
    LEFT JOIN made_known_concept AS open_visit
        ON open_visit.kind = 'visit_type' AND open_visit.concept_id = TRY_CAST(visit_type_concept_id AS BIGINT)
    LEFT JOIN visit_name AS discharge_concept
        ON discharge_concept.concept_id = discharge_id
)
SELECT
    visit_id,
    person_id,
    started_at,
    ended_at,
    kind,
    coalesce(kind, concept_name, visit_source_value) AS described,
    -- Words of the source beside the concept may deny a visit. An identifier is no word (its digits may spell one).
    CASE
        WHEN coalesce(kind, concept_name) IS NOT NULL
            AND NOT regexp_full_match(visit_source_value, '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}')
            THEN visit_source_value
    END AS detail,
    regexp_matches(lower(concat_ws(' ', described, detail)), 'phone|telefon') AS is_call,
    coalesce(kind = 'inpatient' OR CAST(left_at AS DATE) > first_day, false) AS is_stay,
    is_open,
    CASE
        WHEN left_at = CAST(left_at AS DATE) THEN strftime(left_at, '%Y-%m-%d') || ' 23:59:59'
        ELSE ended_at
    END AS known_at,
    left_at,
    left_dead
FROM source_row
