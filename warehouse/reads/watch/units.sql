-- The unit that most values of a variable have in the year before each study (its own values included), of variables that
-- came in several units. `watched_study` comes from definitions/watched_study.sql.
WITH mixed AS (
    SELECT variable
    FROM measurement
    GROUP BY variable
    HAVING count(DISTINCT unit) > 1
)
SELECT watched_study.study_key, measurement.variable, mode(measurement.unit) AS unit
FROM watched_study
JOIN study USING (study_key)
JOIN measurement
    ON measurement.patient_key = watched_study.patient_key
    AND measurement.measured_at BETWEEN study.study_at - INTERVAL 365 DAY AND study.study_at + INTERVAL 1 DAY
SEMI JOIN mixed ON mixed.variable = measurement.variable
GROUP BY ALL
ORDER BY ALL;
