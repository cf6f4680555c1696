-- The clips of each study by view; a study without a clip of a view has no row of it. `watched_study` comes from
-- definitions/watched_study.sql.
SELECT watched_study.study_key, watched_study.patient_key, watched_study.is_recent, clip_view.view, count(*) AS clips
FROM watched_study
JOIN clip USING (study_key)
JOIN clip_view USING (clip_key)
WHERE clip.status = 'accepted'
GROUP BY ALL
ORDER BY ALL;
