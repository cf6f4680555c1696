-- The grade or class that words stand for, by variable (grades.csv), who smokes, and who smokes now.
WITH worded AS (
    SELECT DISTINCT target AS variable, words, lower(words) AS plain
    FROM made_event
    WHERE role = 'variable' AND number IS NULL AND words IS NOT NULL
    UNION
    SELECT 'current_smoker', words, lower(words)
    FROM made_event
    WHERE role = 'variable' AND target = 'smoking' AND number IS NULL AND words IS NOT NULL
)
SELECT variable, words, nullif(min_by(grade, CAST(place AS INTEGER)), 'unread') AS value
FROM worded
JOIN map_grades ON regexp_matches(plain, pattern) AND grades_variable(graded, variable)
GROUP BY variable, words
