-- What the champion's risks are made from: one row a study with a clip that models do not learn from, in a fixed order.
-- A study of the development cohort has its out-of-fold scores instead. Its patient's other studies are here, marked.
WITH shown AS (
    SELECT
        clip.study_key,
        md5(string_agg(concat_ws('|', clip.clip_key, clip.digest, clip_view.view), ',' ORDER BY clip.clip_key)) AS clips
    FROM clip
    JOIN clip_view USING (clip_key)
    WHERE clip.status = 'accepted'
    GROUP BY clip.study_key
),
recorded AS (
    SELECT study_key, md5(CAST(feature AS VARCHAR)) AS features
    FROM feature
),
development AS (
    SELECT study_key, patient_key
    FROM cohort
    WHERE role = 'development'
)
SELECT
    shown.study_key,
    shown.clips,
    recorded.features,
    study.patient_key IN (SELECT patient_key FROM development) AS in_development
FROM shown
JOIN study USING (study_key)
LEFT JOIN recorded USING (study_key)
WHERE shown.study_key NOT IN (SELECT study_key FROM development)
ORDER BY shown.study_key;
