-- The accepted clips of some studies with their views and the path of their file, in a fixed order.
SELECT clip.study_key, clip.clip_key, clip_view.view, ledger.artifact AS path
FROM clip
JOIN clip_view USING (clip_key)
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted' AND list_contains($studies, clip.study_key)
ORDER BY clip.study_key, clip.clip_key;
