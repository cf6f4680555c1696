-- A sample of the development cohort's accepted clips of each of $views, one a study, $most of a view, spread by the digests
-- of their pixels, so that it is the same each time.
WITH one AS (
    SELECT
        clip_view.view,
        clip.study_key,
        arg_min(clip.clip_key, (clip.digest, clip.clip_key)) AS clip_key,
        min(clip.digest) AS digest
    FROM cohort
    JOIN clip USING (study_key)
    JOIN clip_view USING (clip_key)
    WHERE cohort.role = 'development' AND clip.status = 'accepted' AND list_contains($views, clip_view.view)
    GROUP BY clip_view.view, clip.study_key
)
SELECT one.view, one.clip_key, ledger.artifact AS path
FROM one
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = one.study_key
QUALIFY row_number() OVER (PARTITION BY one.view ORDER BY one.digest, one.study_key) <= $most
ORDER BY one.view, one.clip_key;
