-- A macro for adapters: at_time(day, moment) is the moment where it is of the day, else the day: which of the two is
-- wrong is not known, and the day is the column that must be there.
CREATE OR REPLACE TEMP MACRO at_time(day, moment) AS
    CASE
        WHEN CAST(day AS VARCHAR) LIKE '____-__-__%' AND left(CAST(moment AS VARCHAR), 10) <> left(CAST(day AS VARCHAR), 10)
            THEN CAST(day AS VARCHAR)
        ELSE coalesce(CAST(moment AS VARCHAR), CAST(day AS VARCHAR))
    END;
-- later_time(day, moment) is that too, but the later of two that disagree: for what is known about a patient, so that nothing
-- of after an echo counts as known before it.
CREATE OR REPLACE TEMP MACRO later_time(day, moment) AS
    CASE
        WHEN CAST(moment AS VARCHAR) LIKE '____-__-__%' THEN greatest(at_time(day, moment), CAST(moment AS VARCHAR))
        ELSE at_time(day, moment)
    END;
-- has_ended_later(begun, ended): whether a visit ended on a later day than that of its begin, and did so by the day of the
-- extract (staging sets it): an end after that is a plan too.
CREATE OR REPLACE TEMP MACRO has_ended_later(begun, ended) AS
    CAST(as_moment(ended) AS DATE) > CAST(as_moment(begun) AS DATE)
    AND CAST(as_moment(ended) AS DATE) <= CAST(getvariable('extracted_on') AS DATE);
