-- For an adapter's SQL: a number that a source keeps as an integer, as text; 7, 7.0 and ' 7 ' are the same, and what is no
-- number stays as it is.
CREATE OR REPLACE TEMP MACRO as_whole(x) AS
    coalesce(CAST(TRY_CAST(x AS BIGINT) AS VARCHAR), nullif(trim(CAST(x AS VARCHAR)), ''));
