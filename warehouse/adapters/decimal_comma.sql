-- A macro for adapters: decimal_comma(x) writes a number with a decimal comma, 4,1 or 1.234,5, as staging reads it: 4.1 and
-- 1234.5. Points alone that may be of thousands (1.234) may be decimal as well: such a text is written so that staging
-- counts it as no number. Any other text stays as it is.
CREATE OR REPLACE TEMP MACRO decimal_comma(x) AS
    CASE
        WHEN regexp_full_match(as_text(x), '[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+')
            THEN replace(replace(as_text(x), '.', ''), ',', '.')
        WHEN regexp_full_match(as_text(x), '[+-]?[1-9]\d{0,2}(\.\d{3})+') THEN as_text(x) || ' or thousands'
        ELSE as_text(x)
    END;
