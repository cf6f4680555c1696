-- How a number of any source is read: null where a text is none. DuckDB would read 1_5 as 15. A number in 32 bits is
-- the shortest decimal that it stands for (1.2, not 1.2000000477).
CREATE OR REPLACE TEMP MACRO as_number(x) AS
    CASE
        WHEN typeof(x) IN ('DOUBLE', 'INTEGER', 'BIGINT') THEN TRY_CAST(x AS DOUBLE)
        WHEN NOT contains(as_text(x), '_') THEN TRY_CAST(as_text(x) AS DOUBLE)
    END
