-- The features of some studies, in a fixed order.
SELECT * FROM feature WHERE list_contains($studies, study_key) ORDER BY study_key;
