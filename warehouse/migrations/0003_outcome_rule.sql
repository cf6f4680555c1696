-- By which rule the outcomes that stand were made, so that checks need not be told.
CREATE TABLE outcome_rule (
    horizon_days INTEGER NOT NULL,
    follow_up VARCHAR NOT NULL,     -- 'encounter' or 'registry'
    require_full_window BOOLEAN NOT NULL
);
