-- Whether a column of identifiers has floats of 2^53 or more, of which the last digits are lost.
SELECT coalesce(bool_or(abs(TRY_CAST({column} AS DOUBLE)) >= 9007199254740992), false)
FROM source_{table}
WHERE typeof({column}) IN ('DOUBLE', 'FLOAT')
