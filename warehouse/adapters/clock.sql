-- A macro for the macros of dates: clock(x) writes what stands after a date, a blank and a time by a clock of 12 hours (8:36 PM) or
-- an hour of one digit (8:36), as staging reads it: 20:36. Any other text stays as it is, so that staging counts it.
CREATE OR REPLACE TEMP MACRO clock(x) AS
    CASE
        WHEN regexp_full_match(x, ' +(0?[1-9]|1[0-2]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)? ?[AaPp][Mm]')
            THEN ' '
            || lpad(
                CAST(
                    CAST(regexp_extract(x, '\d+') AS INTEGER) % 12 + CASE WHEN lower(right(x, 2)) = 'pm' THEN 12 ELSE 0 END
                    AS VARCHAR
                ),
                2,
                '0'
            )
            || regexp_extract(x, ':[\d:.]+')
        WHEN regexp_full_match(x, ' \d:[0-5]\d(:[0-5]\d(\.\d{1,9})?)?') THEN ' 0' || trim(x)
        ELSE x
    END;
