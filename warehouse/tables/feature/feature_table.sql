-- The feature table, empty: one column a variable of the catalogue, as `empty_feature` has them.
CREATE OR REPLACE TABLE feature AS FROM empty_feature;
ALTER TABLE feature ALTER COLUMN study_key SET NOT NULL;
