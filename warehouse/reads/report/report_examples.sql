-- A few loops to show of every view: studies across the range of the predicted risk, whatever their outcome.
WITH ranked AS (
    SELECT
        clip.clip_key,
        clip_view.view,
        clip.fps,
        ledger.artifact,
        percent_rank() OVER (PARTITION BY clip_view.view ORDER BY score.logit, clip.clip_key) AS place
    FROM clip
    JOIN clip_view USING (clip_key)
    JOIN cohort ON cohort.study_key = clip.study_key
    JOIN score ON score.study_key = clip.study_key AND score.model = 'view:' || clip_view.view
    JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
    WHERE clip.status = 'accepted' AND cohort.headline AND cohort.role = 'development'
)
SELECT view, wanted.risk, arg_min(clip_key, abs(place - wanted.target)) AS clip_key,
    arg_min(artifact, abs(place - wanted.target)) AS artifact
FROM ranked
CROSS JOIN (VALUES ('low', 0.05), ('middling', 0.5), ('high', 0.95)) AS wanted (risk, target)
GROUP BY view, wanted.risk, wanted.target
ORDER BY view, wanted.target;
