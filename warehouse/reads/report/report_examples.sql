-- Three example loops of every view: with a low, middling and high predicted risk, independent of the outcome; the fold is
-- that which held the patient out.
WITH ranked AS (
    SELECT
        clip.clip_key,
        clip_view.view,
        cohort.fold,
        ledger.artifact,
        percent_rank() OVER (PARTITION BY clip_view.view ORDER BY score.logit, clip.clip_key) AS risk_rank
    FROM clip
    JOIN clip_view USING (clip_key)
    JOIN cohort ON cohort.study_key = clip.study_key
    JOIN score ON score.study_key = clip.study_key AND score.view = clip_view.view
    JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
    WHERE clip.status = 'accepted' AND cohort.headline AND cohort.role = 'development'
)
SELECT view, wanted.risk, arg_min(clip_key, abs(risk_rank - wanted.target)) AS clip_key,
    arg_min(artifact, abs(risk_rank - wanted.target)) AS path,
    arg_min(fold, abs(risk_rank - wanted.target)) AS fold
FROM ranked
CROSS JOIN (VALUES ('low', 0.05), ('middling', 0.5), ('high', 0.95)) AS wanted (risk, target)
GROUP BY view, wanted.risk, wanted.target
ORDER BY view, wanted.target;
