-- asset: clinical_features
-- also: study
-- never: A feature dated after its echo.
-- Studies with a feature from a record that is later than the study (a value measured in the study: later than the
-- study's day).
SELECT count(*) AS offending
FROM feature_evidence
JOIN study USING (study_key)
WHERE latest_measured_at > study_at
    OR latest_diagnosed_at > study_at
    OR latest_own_date > CAST(study_at AS DATE)
