-- How a number of any source is read: null where a text is none.
CREATE OR REPLACE TEMP MACRO as_number(x) AS
    CASE
        WHEN typeof(x) IN ('DOUBLE', 'FLOAT', 'INTEGER', 'BIGINT') THEN TRY_CAST(x AS DOUBLE)
        ELSE TRY_CAST(as_text(x) AS DOUBLE)
    END
