-- Two forms in a column that lists identifiers: texts that a tool wrote for floats of 2^53 or more (9.007199254740992e+15, or with
-- .0), of which the last digits are lost; and numbers with a fraction, such as 17.1: 17.0 is then no float but another of them.
SELECT
    coalesce(
        bool_or(
            regexp_full_match(text, '\d(\.\d+)?[eE]\+\d+')
            OR (is_float_text(text) AND TRY_CAST(text AS DOUBLE) >= 9007199254740992)
        ),
        false
    ),
    coalesce(bool_or(regexp_full_match(text, '\d+\.\d*[1-9]\d*')), false)
FROM (SELECT as_text({column}) AS text FROM source_{table})
