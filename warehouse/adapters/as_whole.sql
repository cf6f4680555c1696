-- A macro for adapters: as_whole(x) is the text of an integer identifier. 7, 7.0 and ' 7 ' give the same text; text that
-- is not a number stays as it is.
CREATE OR REPLACE TEMP MACRO as_whole(x) AS
    coalesce(CAST(TRY_CAST(x AS BIGINT) AS VARCHAR), nullif(trim(CAST(x AS VARCHAR)), ''));
