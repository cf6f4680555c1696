-- The grade that words stand for, by variable (grades.csv), and who smokes.
WITH worded AS (
    SELECT DISTINCT target AS variable, words, lower(words) AS plain
    FROM made_event
    WHERE role = 'variable' AND number IS NULL AND words IS NOT NULL
)
SELECT variable, words, min_by(value, place) AS value
FROM (
    SELECT variable, words, grade AS value, CAST(place AS INTEGER) AS place
    FROM worded
    JOIN map_grades ON regexp_matches(plain, pattern)
        AND CASE graded
            WHEN 'diastolic' THEN variable = 'diastolic_function'
            WHEN 'valve' THEN ends_with(variable, '_grade')
        END
    UNION ALL
    SELECT variable, words, if(regexp_matches(plain, '^(never|non-?smoker)'), '0', '1'), 0
    FROM worded
    WHERE variable = 'smoking'
        AND regexp_matches(plain, '^(never|non-?smoker|former|current|ex-?smoker|smoker$|every day|some day)')
        AND NOT contains(plain, 'unknown')
)
GROUP BY variable, words
