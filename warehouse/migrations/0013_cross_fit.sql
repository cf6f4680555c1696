-- What may be learnt from scores: element j + 1 is a score of the study that no label of fold j, nor of its own fold, has
-- influenced; NaN at its own fold. Scores that are there have none, and their makers are stale.
ALTER TABLE score ADD COLUMN without DOUBLE[];
