-- The clips of the variant $variant whose view is known, as clips.sql has them, and their shape.
SELECT
    clip_view.view,
    made.clip_key,
    made.study_key,
    ledger.artifact AS path,
    made.digest,
    made.frames,
    made.height,
    made.width
FROM clip_variant AS made
JOIN clip_view USING (clip_key)
JOIN ledger
    ON ledger.asset IN ('clips_by_source', 'clips_by_reduction', 'flow')
    AND ledger.unit = made.variant || '/' || made.study_key
WHERE made.variant = $variant AND made.status = 'accepted' AND clip_view.view <> 'unknown'
ORDER BY clip_view.view, made.clip_key;
