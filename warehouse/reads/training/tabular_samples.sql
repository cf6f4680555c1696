-- The labelled and censored studies with their features, in a fixed order; label -1: unknown, scored but not trained on.
SELECT followed.study_key, followed.patient_key, followed.fold, coalesce(followed.label, -1) AS label, feature.* EXCLUDE (study_key)
FROM followed
JOIN feature USING (study_key)
ORDER BY followed.study_key;
