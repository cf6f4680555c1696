-- Every accepted clip with the view from its tags or the site's view table, and the path of its file.
SELECT clip.clip_key, clip.study_key, clip.patient_key, clip.view, clip.view_source, ledger.artifact
FROM clip
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted'
ORDER BY clip.clip_key;
