-- Statements of death: the first time of death in hospital, and dod, which joins hospital and state records. If they are
-- some days apart, the hospital's is used. A patient who left dead without a time of death gets the day of leaving, if there is
-- no dod.
WITH timed AS (
    SELECT as_whole(subject_id) AS subject_id, min(as_moment(deathtime)) AS died_at
    FROM raw_admissions
    WHERE as_moment(deathtime) IS NOT NULL
    GROUP BY ALL
),
recorded AS (
    SELECT as_whole(subject_id) AS subject_id, dod
    FROM raw_patients
    WHERE dod IS NOT NULL
),
left_dead AS (
    SELECT subject_id, max(day) AS day
    FROM (
        SELECT subject_id, CAST(as_moment(ended_at) AS DATE) AS day FROM made_stay WHERE left_dead
        UNION ALL
        SELECT as_whole(subject_id), NULL FROM raw_admissions WHERE deathtime IS NOT NULL
    )
    GROUP BY subject_id
)
SELECT subject_id AS patient_id, CAST(died_at AS VARCHAR) AS death_date, 'hospital' AS source
FROM timed
UNION ALL
SELECT subject_id, CAST(dod AS VARCHAR), 'record'
FROM recorded
UNION ALL
SELECT subject_id, CAST(day AS VARCHAR), 'hospital'
FROM left_dead
ANTI JOIN timed USING (subject_id)
ANTI JOIN recorded USING (subject_id)
