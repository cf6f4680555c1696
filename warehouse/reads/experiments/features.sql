-- The variables of the health record of every study that models may be trained on.
FROM feature
ORDER BY study_key;
