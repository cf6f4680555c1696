-- The clips that a view's model is trained or tested on: one row for each clip of a labelled or censored study; label -1:
-- unknown, scored but not trained on.
CREATE OR REPLACE TEMP VIEW view_sample AS
SELECT
    clip_view.view,
    clip.clip_key,
    clip.study_key,
    followed.patient_key,
    ledger.artifact AS path,
    followed.fold,
    coalesce(followed.label, -1) AS label,
    clip.digest
FROM clip
JOIN clip_view USING (clip_key)
JOIN followed ON followed.study_key = clip.study_key
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted' AND clip_view.view <> 'unknown';
