-- Whether a column of identifiers has texts that a tool wrote for floats of 2^53 or more: 9.007199254740992e+15, or with .0.
SELECT coalesce(
    bool_or(
        regexp_full_match(as_text({column}), '\d(\.\d+)?[eE]\+\d+')
        OR (is_float_text(as_text({column})) AND TRY_CAST(as_text({column}) AS DOUBLE) >= 9007199254740992)
    ),
    false
)
FROM source_{table}
