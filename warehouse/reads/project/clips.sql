-- The accepted clips with a label, by the view that they were told to have. A fold of null is of patients set apart.
SELECT clip.clip_key, clip.study_key, followed.patient_key, clip_view.view, followed.role, followed.fold, followed.label
FROM clip
JOIN clip_view USING (clip_key)
JOIN followed ON followed.study_key = clip.study_key
WHERE clip.status = 'accepted' AND followed.label IS NOT NULL
ORDER BY clip.clip_key;
