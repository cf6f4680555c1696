-- A macro for adapters: month_first(x) writes a date whose month comes first, 12/31/2019 or 12-31-2019, perhaps with a time after a
-- blank (8:36 PM too), as staging reads it: 2019-12-31 20:36. Any other text, a year of two digits too, stays as it is, so that
-- staging counts it. A date that does not exist is written too, and counted there.
CREATE OR REPLACE TEMP MACRO month_first(x) AS
    CASE
        WHEN regexp_full_match(as_text(x), '(\d{1,2}/\d{1,2}/\d{4}|\d{1,2}-\d{1,2}-\d{4})( .*)?')
            THEN regexp_extract(as_text(x), '^\d+.\d+.(\d{4})', 1)
            || '-' || lpad(regexp_extract(as_text(x), '^\d+'), 2, '0')
            || '-' || lpad(regexp_extract(as_text(x), '^\d+.(\d+)', 1), 2, '0')
            || clock(regexp_extract(as_text(x), '^\S+(.*)$', 1))
        ELSE as_text(x)
    END;
