-- Makes room for new clinical scores.
DELETE FROM clinical_score
