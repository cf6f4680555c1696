-- What the champion's risks are made from: one row a study with a clip that models do not learn from, in a fixed order;
-- of all such studies or of some. A study of the development cohort has its out-of-fold scores instead. Its patient's other
-- studies are here, marked.
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
shown AS (
    SELECT
        clip.study_key,
        md5(string_agg(concat_ws('|', clip.clip_key, clip.digest, clip_view.view), ',' ORDER BY clip.clip_key)) AS clips
    FROM clip
    JOIN clip_view USING (clip_key)
    SEMI JOIN wanted ON wanted.study_key = clip.study_key
    WHERE clip.status = 'accepted'
    GROUP BY clip.study_key
),
recorded AS (
    SELECT feature.study_key, hash(feature) AS features
    FROM feature
    SEMI JOIN wanted ON wanted.study_key = feature.study_key
)
SELECT wanted.study_key, shown.clips, recorded.features, wanted.in_development
FROM wanted
JOIN shown USING (study_key)
LEFT JOIN recorded USING (study_key)
ORDER BY wanted.study_key;
