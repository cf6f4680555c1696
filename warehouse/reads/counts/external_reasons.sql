-- What became of the rows of each file of external scores.
SELECT model, outcome, rows FROM external_score_count ORDER BY model, outcome;
