-- The parts of each recipe (all that decides an asset except its inputs), so that `echomort status` can name what changed.
CREATE TABLE recipe (
    digest VARCHAR PRIMARY KEY,
    parts  VARCHAR NOT NULL          -- part (a file, a definition, a setting, a library) -> digest or version (JSON)
);
ALTER TABLE ledger ADD COLUMN recipe VARCHAR;  -- the recipe that the fingerprint holds
-- Accepted code changes: a sample of an asset's units came out the same, and all units were adopted instead of rebuilt.
CREATE TABLE acceptance (
    asset       VARCHAR NOT NULL,
    from_recipe VARCHAR NOT NULL,
    to_recipe   VARCHAR NOT NULL,
    sampled     INTEGER NOT NULL,
    adopted     INTEGER NOT NULL,
    accepted_at TIMESTAMP NOT NULL
);
