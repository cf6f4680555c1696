-- Whether the source's dates are true ones, or each patient's were moved by the source ('own'): then no day is the same
-- for two patients, and the data have no common end.
ALTER TABLE staging ADD COLUMN calendar VARCHAR DEFAULT 'true';
