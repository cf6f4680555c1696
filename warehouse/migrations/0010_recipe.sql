-- What decides an asset apart from its inputs, part by part, so that a person can be told which part changed.
CREATE TABLE recipe (
    digest VARCHAR PRIMARY KEY,
    parts  VARCHAR NOT NULL          -- part (a file, a definition, a setting, a library) -> digest or version (JSON)
);
ALTER TABLE ledger ADD COLUMN recipe VARCHAR;  -- the recipe that the fingerprint holds
-- New code that made a sample of an asset's units as the old code had: the units were adopted, not made again.
CREATE TABLE acceptance (
    asset       VARCHAR NOT NULL,
    from_recipe VARCHAR NOT NULL,
    to_recipe   VARCHAR NOT NULL,
    sampled     INTEGER NOT NULL,
    adopted     INTEGER NOT NULL,
    accepted_at TIMESTAMP NOT NULL
);
