-- asset: clinical_features
-- also: study
-- never: A feature dated after its echo.
-- Studies with a feature that rests on a record of later than the study (for a value measured in the study itself: later
-- than the study's own day).
SELECT count(*) AS offending
FROM feature_evidence
JOIN study USING (study_key)
WHERE latest_measured_at > study_at
    OR latest_diagnosed_at > study_at
    OR latest_own_date > CAST(study_at AS DATE)
