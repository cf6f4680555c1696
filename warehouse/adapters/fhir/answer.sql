-- The number that a coded or worded answer stands for, by variable: by its first coding that the common map of answers
-- has, else by its words (grades of a valve, of the diastolic function, the NYHA class; who smokes).
WITH answered AS (
    SELECT DISTINCT variable, if(is_told, code, answer) AS answer, plain
    FROM made_part AS part
    JOIN made_said AS said ON said.concept = part.code
    WHERE quantity IS NULL AND TRY_CAST(plain AS DOUBLE) IS NULL AND NOT (is_told AND coalesce(answer, plain, 'true') <> 'true')
),
coding AS (
    SELECT
        variable,
        answer,
        plain,
        unnest(json_parts(json_text(answer, '$.coding'))) AS one,
        generate_subscripts(json_parts(json_text(answer, '$.coding')), 1) AS place
    FROM answered
),
worded AS (
    SELECT
        variable,
        answer,
        plain,
        lower(coalesce(json_text(answer, '$.text'), json_text(answer, '$.coding[0].display'), plain)) AS words
    FROM answered
),
found AS (
    SELECT coding.variable, answer, plain, map_answers.value, place AS priority
    FROM coding
    JOIN map_systems ON map_systems.system = code_system(json_text(one, '$.system'))
    JOIN map_answers USING (vocabulary)
    WHERE map_answers.code = json_text(one, '$.code')
        AND (map_answers.variable = coding.variable OR map_answers.variable = '*_grade' AND ends_with(coding.variable, '_grade'))
    UNION ALL
    SELECT variable, answer, plain, grade, 100 + CAST(map_grades.place AS INTEGER)
    FROM worded
    JOIN map_grades ON regexp_matches(words, pattern) AND grades_variable(graded, variable)
)
SELECT variable, answer, plain, nullif(min_by(value, priority), 'unread') AS value
FROM found
GROUP BY ALL
