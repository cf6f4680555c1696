-- What stands: one row a unit of an asset, written in the transaction that makes the unit visible.
CREATE TABLE ledger (
    asset        VARCHAR NOT NULL,   -- an asset's name, or 'check:<table>'
    unit         VARCHAR NOT NULL,   -- a folder, a study, a (network, view), or 'all'
    fingerprint  VARCHAR NOT NULL,   -- digest of inputs, settings and code: what the unit was made from
    artifact     VARCHAR,            -- path under the project's home, where the unit is a file
    digest       VARCHAR NOT NULL,   -- digest of the unit's content: what it is
    details      VARCHAR NOT NULL DEFAULT '{}',  -- counts shown as metadata (JSON)
    committed_at TIMESTAMP NOT NULL,
    PRIMARY KEY (asset, unit)
);
