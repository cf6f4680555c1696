-- Values of the catalogue's variables (value_row.sql). The unit is the concept's, else the source's text. An answer is a concept
-- (code.sql) or words; a concept may say all (NYHA class III, ex-smoker), as a condition too (of one that has ended, what stays
-- true). Who smokes is also said to smoke now or not.
WITH answer AS (
    SELECT concept_id, substr(kind, 8) AS variable, target AS value FROM made_known_concept WHERE starts_with(kind, 'answer ')
),
asked AS (
    SELECT *, false AS is_derived FROM made_value_row WHERE reason IS NULL AND variable IS NOT NULL
    UNION ALL
    SELECT * REPLACE (NULL AS number, 'current_smoker' AS variable), true
    FROM made_value_row
    WHERE reason IS NULL AND variable = 'smoking'
),
worded AS (
    SELECT variable, words, nullif(min_by(grade, CAST(place AS INTEGER)), 'unread') AS value
    FROM (SELECT DISTINCT variable, words FROM asked WHERE number IS NULL)
    JOIN map_grades ON regexp_matches(lower(words), pattern) AND grades_variable(graded, variable)
    GROUP BY variable, words
),
valued AS (
    SELECT asked.*, coalesce(number, answer.value, worded.value) AS value
    FROM asked
    LEFT JOIN answer
        ON answer.concept_id = asked.answer_id
        AND (answer.variable = asked.variable OR answer.variable = '*_grade' AND ends_with(asked.variable, '_grade'))
    LEFT JOIN worded ON worded.words = asked.words AND worded.variable = asked.variable
    WHERE NOT is_derived OR coalesce(answer.value, worded.value) IS NOT NULL
    UNION ALL BY NAME
    SELECT told.* EXCLUDE (variable), telling.variable, telling.value
    FROM made_value_row AS told
    JOIN made_telling AS telling USING (concept_id)
    WHERE reason IS NULL AND number IS NULL AND words IS NULL AND coalesce(answer_id, 0) = 0
    UNION ALL BY NAME
    SELECT
        as_whole(condition.person_id) AS person_id,
        telling.variable,
        telling.value,
        CASE WHEN is_stay THEN known_at ELSE later_time(condition_start_date, condition_start_datetime) END AS measured_at
    FROM raw_condition_occurrence AS condition
    JOIN made_telling AS telling ON telling.concept_id = TRY_CAST(condition_concept_id AS BIGINT)
    LEFT JOIN made_visit AS visit ON visit.visit_id = TRY_CAST(condition.visit_occurrence_id AS BIGINT)
    WHERE stays_true OR as_text(condition_end_date) IS NULL
)
SELECT
    coalesce(patient_id, valued.person_id) AS patient_id,
    study_id,
    variable,
    value,
    coalesce(unit.target, valued.unit) AS unit,
    measured_at
FROM valued
LEFT JOIN made_known_concept AS unit ON unit.kind = 'unit' AND unit.concept_id = valued.unit_concept_id
LEFT JOIN made_person_number AS person ON person.person_id = valued.person_id
