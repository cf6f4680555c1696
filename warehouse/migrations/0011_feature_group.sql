-- The diagnosis groups that the features hold, by their ICD-10-CM categories: the catalogue's and the site's own.
CREATE TABLE feature_group (variable VARCHAR NOT NULL, code_from VARCHAR NOT NULL, code_to VARCHAR NOT NULL);
