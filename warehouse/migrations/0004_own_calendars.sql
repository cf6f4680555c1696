-- Whether the source's dates are true ('true'), or were moved by another offset for each patient ('own'): then the data
-- have no common last day.
ALTER TABLE staging ADD COLUMN calendar VARCHAR DEFAULT 'true';
