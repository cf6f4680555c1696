-- The seal of each kept risk: SHA-256 of the seal before it and of the row, so that a risk that is changed, added or taken out
-- later breaks the chain. Written in the transaction that keeps the risk.
CREATE TABLE prospective_seal (
    number BIGINT PRIMARY KEY,      -- of prospective_risk
    digest VARCHAR NOT NULL
);
