-- asset: risk_scores
-- also: clips, study, cohort
-- never: A study without its risk, or a risk of a study that models were trained on.
-- Studies with an accepted clip outside the development cohort without exactly one risk, and risks of any other study. An
-- empty risk_score passes: there may be no champion yet, or one that can't read these clips.
WITH wanted AS (
    SELECT DISTINCT clip.study_key
    FROM clip
    JOIN study USING (study_key)
    ANTI JOIN (SELECT study_key FROM cohort WHERE role = 'development') AS development USING (study_key)
    WHERE clip.status = 'accepted'
)
SELECT count(*) AS offending
FROM wanted
FULL JOIN (SELECT study_key, count(*) AS rows FROM risk_score GROUP BY study_key) AS scored USING (study_key)
WHERE (wanted.study_key IS NULL OR scored.rows IS DISTINCT FROM 1) AND EXISTS (FROM risk_score);
