-- Deletes all external scores, and what became of the rows of their files.
DELETE FROM external_score;
DELETE FROM external_score_count;
