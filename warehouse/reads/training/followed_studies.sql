-- The labelled and censored studies, in a fixed order; label -1: unknown, scored but not trained on.
SELECT study_key, patient_key, fold, coalesce(label, -1) AS label
FROM followed
ORDER BY study_key;
