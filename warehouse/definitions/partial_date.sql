-- Dates of which only the month or the year is known are intervals of days: '2017-05', '2017-05-00', '2017', '2017-00-00' and
-- 2017.0, which a tool wrote as a float.
CREATE OR REPLACE TEMP MACRO date_precision(x) AS
    CASE
        WHEN regexp_full_match(as_text(x), '\d{4}(\.0+|-00(-00)?)?') THEN 'year'
        WHEN regexp_full_match(as_text(x), '\d{4}-(0[1-9]|1[0-2])(-00)?') THEN 'month'
        ELSE 'day'
    END;
CREATE OR REPLACE TEMP MACRO earliest_of(x, precision) AS
    CASE precision
        WHEN 'year' THEN TRY_CAST(left(as_text(x), 4) || '-01-01' AS TIMESTAMP)
        WHEN 'month' THEN TRY_CAST(left(as_text(x), 7) || '-01' AS TIMESTAMP)
        ELSE as_moment(x)
    END;
CREATE OR REPLACE TEMP MACRO earliest_moment(x) AS earliest_of(x, date_precision(x));
-- The last day that a date of this precision and earliest moment allows, which is not after the day of the extract.
CREATE OR REPLACE TEMP MACRO latest_day(precision, earliest) AS
    CASE precision
        WHEN 'year' THEN least(make_date(year(earliest), 12, 31), getvariable('extracted_on'))
        WHEN 'month' THEN least(last_day(CAST(earliest AS DATE)), getvariable('extracted_on'))
        ELSE CAST(earliest AS DATE)
    END
