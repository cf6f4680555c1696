-- Which of two moments came first, where one of them may have a date only.
-- A moment at midnight has no time of day: databases and files store a date without a time so, and OMOP's convention for an
-- unknown time is 00:00:00. Staging moves moments by whole days, so that the staged moment still shows it. A true midnight
-- is read as a date too, which errs on the safe side.
CREATE OR REPLACE TEMP MACRO has_time(moment) AS moment <> date_trunc('day', moment);
-- The setting features.same_day decides on records of the echo's own day if they or the echo have no time of day. A record
-- is used if known_at(record, same_day) <= cutoff_at(study_at, same_day).
--   exclude   such a record is not used: a record without a time is known from the next day on
--   before    it is used: a record without a time is known from midnight, an echo without one is at the end of its day
CREATE OR REPLACE TEMP MACRO known_at(moment, same_day) AS
    CASE WHEN same_day = 'exclude' AND NOT has_time(moment) THEN moment + INTERVAL 1 DAY ELSE moment END;
CREATE OR REPLACE TEMP MACRO cutoff_at(study_at, same_day) AS
    CASE WHEN same_day = 'before' AND NOT has_time(study_at) THEN study_at + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND ELSE study_at END;
-- Whether the order of a record and an echo is unknown: both are of one day, and one of them has no time.
CREATE OR REPLACE TEMP MACRO of_unknown_order(moment, study_at) AS
    CAST(moment AS DATE) = CAST(study_at AS DATE) AND NOT (has_time(moment) AND has_time(study_at));
-- The day that stands for an interval: its middle, which is at most half the interval from the true day.
CREATE OR REPLACE TEMP MACRO middle_day(first_day, last_day) AS
    first_day + CAST((last_day - first_day + 1) // 2 AS INTEGER)
