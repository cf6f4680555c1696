-- The clips that a view's model learns from or is tried on: one row a clip of a labelled study, in a fixed order.
SELECT
    clip.view,
    clip.clip_key,
    clip.study_key,
    cohort.patient_key,
    ledger.artifact AS path,
    cohort.fold,
    cohort.label,
    clip.digest
FROM clip
JOIN cohort USING (study_key)
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted' AND clip.view <> 'unknown'
ORDER BY clip.view, clip.clip_key;
