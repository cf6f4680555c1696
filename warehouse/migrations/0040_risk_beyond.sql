-- What of a study lies beyond what the champion's development cohort holds; NULL in rows that were written before. With
-- scoring.beyond: withhold such a study has no risk.
ALTER TABLE risk_score ADD COLUMN beyond VARCHAR; -- names, with ', ' between them; '' where nothing is
ALTER TABLE risk_score ALTER COLUMN logit DROP NOT NULL;
ALTER TABLE risk_score ALTER COLUMN risk DROP NOT NULL;
