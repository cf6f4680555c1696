-- Whether a column of identifiers has numbers with a fraction, such as 17.1: 17.0 is then no float but another of them.
SELECT coalesce(bool_or(regexp_full_match(as_text({column}), '\d+\.\d*[1-9]\d*')), false)
FROM source_{table}
