-- Replaces the feature table with an empty one, with the columns of `empty_feature`: one for each variable.
CREATE OR REPLACE TABLE feature AS FROM empty_feature;
ALTER TABLE feature ALTER COLUMN study_key SET NOT NULL;
