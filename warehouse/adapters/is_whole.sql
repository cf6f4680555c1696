-- Whether all identifiers of a column are whole numbers.
SELECT coalesce(bool_and(regexp_full_match(as_text({column}), '\d+(\.0+)?')), false)
FROM source_{table}
WHERE as_text({column}) IS NOT NULL AND NOT is_missing_word(as_text({column}))
