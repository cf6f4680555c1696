-- How texts and times of any source are read. Adapters may use as_text and as_moment in their SQL.
SET VARIABLE time_zone = $time_zone;
CREATE OR REPLACE TEMP MACRO as_text(x) AS nullif(trim(CAST(x AS VARCHAR), e' \t\r\n'), '');
-- A local time. A text is read only if it is as a whole YYYY-MM-DD, or that with T or a blank and HH:MM, HH:MM:SS or a
-- fraction of a second. An offset or Z (also after one blank) makes it a point in time: it is converted to the local time
-- of sources.time_zone, and not read where that is not set, because its local day is unknown. A column of points in time
-- (TIMESTAMP WITH TIME ZONE) is handled likewise. Nothing is cut: AM, UTC, names of zones and other words are refused, and so is a
-- database's infinity, in a column of text or of times. A leap second (:60, which ISO 8601 and FHIR have) is read as the second
-- before it, so that it stays on its day.
CREATE OR REPLACE TEMP MACRO is_local_text(text) AS
    regexp_full_match(text, '\d{4}-\d\d-\d\d([T ]([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d{1,9})?)?)?');
CREATE OR REPLACE TEMP MACRO without_leap_second(text) AS replace(text, ':60', ':59');
CREATE OR REPLACE TEMP MACRO has_offset(x) AS
    typeof(x) = 'TIMESTAMP WITH TIME ZONE' AND coalesce(isfinite(TRY_CAST(x AS TIMESTAMPTZ)), true)
    OR coalesce(
        regexp_full_match(
            as_text(x),
            '\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d{1,9})?)? ?(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)'
        ),
        false
    );
-- DuckDB reads the offset +01:00 only: Z, +0100, +01 and a blank before them are written so.
CREATE OR REPLACE TEMP MACRO as_instant(x) AS
    CASE
        WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE' THEN TRY_CAST(x AS TIMESTAMPTZ)
        ELSE TRY_CAST(
            regexp_replace(
                regexp_replace(regexp_replace(without_leap_second(as_text(x)), ' ?Z$', '+00'), ' ?([+-]\d\d)$', '\1:00'),
                ' ?([+-]\d\d):?(\d\d)$',
                '\1:\2'
            ) AS TIMESTAMPTZ
        )
    END;
CREATE OR REPLACE TEMP MACRO as_moment(x) AS
    CASE
        WHEN typeof(x) IN ('DATE', 'TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS') AND isfinite(TRY_CAST(x AS TIMESTAMP))
            THEN TRY_CAST(x AS TIMESTAMP)
        -- By its text, as in a CSV file: a cast would round the last nanosecond of a day to the next one.
        WHEN typeof(x) = 'TIMESTAMP_NS' AND isfinite(TRY_CAST(x AS TIMESTAMP)) THEN TRY_CAST(left(as_text(x), 26) AS TIMESTAMP)
        WHEN typeof(x) <> 'TIMESTAMP WITH TIME ZONE' AND is_local_text(as_text(x))
            THEN TRY_CAST(without_leap_second(as_text(x)) AS TIMESTAMP)
        WHEN getvariable('time_zone') IS NOT NULL AND has_offset(x)
            THEN timezone(CAST(getvariable('time_zone') AS VARCHAR), as_instant(x))
    END;
