-- Deletes the scores of all models whose names begin with $prefix.
DELETE FROM score WHERE starts_with(model, $prefix);
