-- Who smokes now, which the clinical scores ask; NULL in rows that were written before.
ALTER TABLE feature ADD COLUMN current_smoker DOUBLE;
