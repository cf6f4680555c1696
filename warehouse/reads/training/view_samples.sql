-- The clips that a view's model is trained or tested on: one row for each clip of a labelled study, in a fixed order.
SELECT
    clip_view.view,
    clip.clip_key,
    clip.study_key,
    cohort.patient_key,
    ledger.artifact AS path,
    cohort.fold,
    cohort.label,
    clip.digest
FROM clip
JOIN clip_view USING (clip_key)
JOIN cohort ON cohort.study_key = clip.study_key
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted' AND clip_view.view <> 'unknown'
ORDER BY clip_view.view, clip.clip_key;
