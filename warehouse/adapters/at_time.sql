-- A macro for adapters: at_time(day, moment) is the moment where it is of the day, else the day: which of the two is
-- wrong is not known, and the day is the column that must be there.
CREATE OR REPLACE TEMP MACRO at_time(day, moment) AS
    CASE
        WHEN CAST(day AS VARCHAR) LIKE '____-__-__%' AND left(CAST(moment AS VARCHAR), 10) <> left(CAST(day AS VARCHAR), 10)
            THEN CAST(day AS VARCHAR)
        ELSE coalesce(CAST(moment AS VARCHAR), CAST(day AS VARCHAR))
    END;
