-- The diagnosis groups among the features, by their ICD-10-CM categories: those of the catalogue and of the site.
CREATE TABLE feature_group (variable VARCHAR NOT NULL, code_from VARCHAR NOT NULL, code_to VARCHAR NOT NULL);
