-- What kinds and states of contacts prove: the tables of kinds and states of contacts, which Python fills, and the
-- expressions of words that deny presence, or call it a plan.
SET VARIABLE denials = $denials;
SET VARIABLE plans = $plans;
CREATE OR REPLACE TEMP VIEW described_contact AS
-- An adapter may leave out `status` and `detail`: they are null then.
FROM (SELECT NULL AS status, NULL AS detail WHERE false)
UNION ALL BY NAME
FROM source_contact;
CREATE OR REPLACE TEMP TABLE contact_kind (kind VARCHAR, proves VARCHAR, term VARCHAR, shown VARCHAR);
CREATE OR REPLACE TEMP TABLE contact_status (status VARCHAR, proves VARCHAR, shown VARCHAR);
