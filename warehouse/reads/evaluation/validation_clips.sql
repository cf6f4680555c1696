-- The accepted clips of some studies with the path of their file, in a fixed order. A view that this project's classifier
-- read from the pixels is unknown here: the model that is validated has a classifier of its own.
SELECT
    clip.study_key,
    clip.clip_key,
    CASE clip_view.view_source WHEN 'classifier' THEN 'unknown' ELSE clip_view.view END AS view,
    ledger.artifact AS path
FROM clip
JOIN clip_view USING (clip_key)
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted' AND list_contains($studies, clip.study_key)
ORDER BY clip.study_key, clip.clip_key;
