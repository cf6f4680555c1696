-- The setting by which records of the echo's own day were used, for the checks.
CREATE TABLE feature_rule (same_day VARCHAR NOT NULL);      -- 'before' or 'exclude'
