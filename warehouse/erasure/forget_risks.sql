-- Deletes all risks that the champion gives: it is retired.
DELETE FROM risk_score;
DELETE FROM ledger WHERE asset = 'risk_scores';
