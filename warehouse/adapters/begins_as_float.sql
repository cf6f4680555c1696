-- Whether the first rows of a column of identifiers hold a whole number that is written as 123.0.
SELECT coalesce(bool_or(regexp_full_match(as_text({column}), '\d+\.0+')), false)
FROM (SELECT {column} FROM source_{table} LIMIT 10000)
