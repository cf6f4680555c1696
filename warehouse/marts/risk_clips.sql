-- The accepted clips of some studies with their views, the file that holds them, and whether models learnt from the
-- patient, in a fixed order.
SELECT
    clip.study_key,
    clip.clip_key,
    clip_view.view,
    ledger.artifact AS path,
    EXISTS (
        FROM cohort WHERE cohort.patient_key = study.patient_key AND cohort.role = 'development'
    ) AS in_development
FROM clip
JOIN clip_view USING (clip_key)
JOIN study ON study.study_key = clip.study_key
JOIN ledger ON ledger.asset = 'clips' AND ledger.unit = clip.study_key
WHERE clip.status = 'accepted' AND list_contains($studies, clip.study_key)
ORDER BY clip.study_key, clip.clip_key;
