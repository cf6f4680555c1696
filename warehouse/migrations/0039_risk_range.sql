-- How far the trainings of the folds differ in a risk; NULL in rows that were written before.
ALTER TABLE risk_score ADD COLUMN low DOUBLE; -- the smallest risk by the models of one fold alone
ALTER TABLE risk_score ADD COLUMN high DOUBLE; -- the largest
