-- The time of a death whose statement has one (null: its day alone is known): an echo of that day may be before or after it.
ALTER TABLE death ADD COLUMN died_at TIMESTAMP;
-- The days between the last record and all others, where that one record alone decides where the data end.
ALTER TABLE late_record ADD COLUMN lone_days BIGINT;
