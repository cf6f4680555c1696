-- A sample of accepted clips of each period, one a study, spread by the digests of their pixels, so that it is the same each
-- time. `watched_study` comes from definitions/watched_study.sql.
WITH one AS (
    SELECT
        clip.study_key,
        any_value(watched_study.patient_key) AS patient_key,
        any_value(is_recent) AS is_recent,
        arg_min(clip.clip_key, (clip.digest, clip.clip_key)) AS clip_key,
        min(clip.digest) AS digest
    FROM watched_study
    JOIN clip USING (study_key)
    WHERE clip.status = 'accepted'
    GROUP BY clip.study_key
)
SELECT one.study_key, one.patient_key, one.is_recent, one.clip_key, ledger.artifact
FROM one
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = one.study_key
QUALIFY row_number() OVER (PARTITION BY is_recent ORDER BY one.digest, one.study_key) <= $most
ORDER BY one.study_key;
