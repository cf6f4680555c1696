-- The inputs of the champion's risks: one row for each study with a clip outside the development cohort, in a fixed order;
-- all of them, or $studies. Studies of the development cohort have out-of-fold scores instead. Other studies of their
-- patients are included and marked (in_development).
WITH development AS (
    SELECT study_key, patient_key
    FROM cohort
    WHERE role = 'development'
),
wanted AS (
    SELECT study.study_key, study.patient_key IN (SELECT patient_key FROM development) AS in_development
    FROM study
    ANTI JOIN development USING (study_key)
    WHERE $studies IS NULL OR list_contains($studies, study.study_key)
),
study_clips AS (
    SELECT
        clip.study_key,
        md5(string_agg(concat_ws('|', clip.clip_key, clip.digest, clip_view.view), ',' ORDER BY clip.clip_key)) AS clips
    FROM clip
    JOIN clip_view USING (clip_key)
    SEMI JOIN wanted ON wanted.study_key = clip.study_key
    WHERE clip.status = 'accepted'
    GROUP BY clip.study_key
),
study_features AS (
    SELECT
        _row.study_key,
        hash(_row, CAST(study.study_at AS DATE) - patient.birth_date) AS features  -- no variable's name begins with _
    FROM feature AS _row
    SEMI JOIN wanted ON wanted.study_key = _row.study_key
    JOIN study ON study.study_key = _row.study_key
    LEFT JOIN patient USING (patient_key)
)
SELECT wanted.study_key, study_clips.clips, study_features.features, wanted.in_development
FROM wanted
JOIN study_clips USING (study_key)
LEFT JOIN study_features USING (study_key)
ORDER BY wanted.study_key;
