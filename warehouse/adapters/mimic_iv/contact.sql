-- Evidence of life: admissions, stays in the emergency department and transfers. A missing dod is evidence too: a death
-- within 365 days of the last discharge (of a stay that stay.sql marks as followed) would be recorded. This holds only
-- for releases that have dod (in the first one every dod is null).
WITH last_discharge AS (
    SELECT subject_id, max(as_moment(ended_at)) AS left_at
    FROM made_stay
    WHERE is_followed
    GROUP BY subject_id
),
dead AS (
    SELECT as_whole(subject_id) AS subject_id
    FROM raw_admissions
    WHERE deathtime IS NOT NULL
    UNION
    SELECT subject_id
    FROM made_stay
    WHERE left_dead
    UNION
    SELECT as_whole(subject_id)
    FROM raw_patients
    WHERE dod IS NOT NULL
)
SELECT subject_id AS patient_id, CAST(began_at AS VARCHAR) AS contact_at, kind FROM made_stay WHERE began_at IS NOT NULL
UNION ALL
SELECT subject_id, CAST(ended_at AS VARCHAR), kind FROM made_stay WHERE ended_at IS NOT NULL
UNION ALL
SELECT
    subject_id,
    CAST(CAST(left_at AS DATE) + 365 AS VARCHAR),
    'registry_silence'
FROM last_discharge
WHERE left_at IS NOT NULL AND EXISTS (FROM raw_patients WHERE dod IS NOT NULL)
    AND subject_id NOT IN (SELECT subject_id FROM dead WHERE subject_id IS NOT NULL)
