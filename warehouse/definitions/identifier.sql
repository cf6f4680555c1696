-- The text of an identifier; words that databases and exports write for a missing value are no identifier. `are_whole`: the
-- identifiers of its kind are no numbers with a fraction, so that 123.0 is 123, of which a tool has made a float. A float of
-- 2^53 or more has lost its last digits and stays as it is: it must not become another's. A zero in front is kept, and
-- never added.
CREATE OR REPLACE TEMP MACRO is_missing_word(text) AS
    upper(text) IN (
        'NULL', '(NULL)', '[NULL]', '<NULL>', 'NONE', 'NIL', 'NA', 'N/A', '#N/A', '<NA>', 'NAN', 'NAT', 'UNKNOWN', 'UNK', 'MISSING',
        'NOT AVAILABLE', 'NOT KNOWN', 'UNDEFINED', '\N', '?', '-', '--', '.'
    );
CREATE OR REPLACE TEMP MACRO is_float_text(text) AS contains(text, '.') AND regexp_full_match(text, '\d+\.0+');
CREATE OR REPLACE TEMP MACRO identifier_of(text, are_whole) AS
    CASE
        WHEN is_missing_word(text) THEN NULL
        WHEN are_whole AND is_float_text(text) AND TRY_CAST(text AS DOUBLE) < 9007199254740992 THEN split_part(text, '.', 1)
        ELSE text
    END;
