-- Every accepted clip whose view is known, in a fixed order: its view, the path of its study's file, and its digest.
SELECT clip_view.view, clip.clip_key, clip.study_key, ledger.artifact AS path, clip.digest
FROM clip
JOIN clip_view USING (clip_key)
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted' AND clip_view.view <> 'unknown'
ORDER BY clip_view.view, clip.clip_key;
