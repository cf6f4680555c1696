-- asset: clinical_features
-- also: study
-- never: A feature dated after its echo.
-- Studies with a feature from a record that is later than the study (a value measured in the study: later than the
-- study's day), or that may be later: it is of the study's day, and it or the study has no time of day (midnight), unless
-- features.same_day takes such records as earlier. Values from outside the study may be later only where
-- features.outside_values takes the nearest, and by as many days as table feature_outside holds.
SELECT count(DISTINCT study_key) AS offending
FROM (
    SELECT
        study_key,
        study_at,
        unnest([latest_measured_at, latest_diagnosed_at]) AS latest_at,
        latest_own_date,
        CAST(latest_outside_at AS DATE) - CAST(study_at AS DATE) AS outside_days
    FROM feature_evidence
    JOIN study USING (study_key)
)
CROSS JOIN feature_rule
CROSS JOIN (SELECT max(days) AS allowed_days FROM feature_outside)
WHERE CAST(latest_at AS DATE) > CAST(study_at AS DATE)
    OR latest_own_date > CAST(study_at AS DATE)
    OR (outside_days IS NOT NULL AND coalesce(outside_days > allowed_days, true))
    OR CASE
        WHEN latest_at IS NULL OR CAST(latest_at AS DATE) < CAST(study_at AS DATE) THEN false
        WHEN date_trunc('day', latest_at) = latest_at OR date_trunc('day', study_at) = study_at THEN same_day <> 'before'
        ELSE latest_at > study_at
    END
