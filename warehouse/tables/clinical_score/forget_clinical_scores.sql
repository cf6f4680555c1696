-- Deletes all clinical scores.
DELETE FROM clinical_score
