-- The text of an identifier; words that databases and exports write for a missing value are no identifier. `is_whole`: the
-- column is one of whole numbers, of which a tool has written some as 123.0. A zero in front is kept, and never added.
CREATE OR REPLACE TEMP MACRO is_missing_word(text) AS
    upper(text) IN (
        'NULL', '(NULL)', '[NULL]', '<NULL>', 'NONE', 'NIL', 'NA', 'N/A', '#N/A', '<NA>', 'NAN', 'NAT', 'UNKNOWN', 'UNK', 'MISSING',
        'NOT AVAILABLE', 'NOT KNOWN', 'UNDEFINED', '\N', '?', '-', '--', '.'
    );
CREATE OR REPLACE TEMP MACRO as_identifier(x, is_whole) AS
    CASE
        WHEN is_missing_word(as_text(x)) THEN NULL
        WHEN is_whole THEN regexp_replace(as_text(x), '\.0+$', '')
        ELSE as_text(x)
    END;
