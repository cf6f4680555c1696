-- The grade that words stand for, by variable (grades.csv), and who smokes.
WITH worded AS (
    SELECT DISTINCT target AS variable, words, lower(words) AS plain
    FROM made_event
    WHERE role = 'variable' AND number IS NULL AND words IS NOT NULL
)
SELECT variable, words, nullif(min_by(grade, CAST(place AS INTEGER)), 'unread') AS value
FROM worded
JOIN map_grades ON regexp_matches(plain, pattern)
    AND CASE graded
        WHEN 'diastolic' THEN variable = 'diastolic_function'
        WHEN 'valve' THEN ends_with(variable, '_grade')
        WHEN 'smoking' THEN variable = 'smoking'
    END
GROUP BY variable, words
