-- Whether a column of floats, which hold identifiers, has some of 2^53 or more, of which the last digits are lost.
SELECT coalesce(bool_or(abs(CAST({column} AS DOUBLE)) >= 9007199254740992), false)
FROM source_{table}
