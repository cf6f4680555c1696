-- The settings by which the outcomes were computed, for the checks.
CREATE TABLE outcome_rule (
    horizon_days INTEGER NOT NULL,
    follow_up VARCHAR NOT NULL,     -- 'encounter' or 'registry'
    require_full_window BOOLEAN NOT NULL
);
