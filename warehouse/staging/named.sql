-- What the adapter names behind its counts: concepts and codes of closed vocabularies; of each reason the $most most frequent.
SELECT table_name, reason, CAST(word AS VARCHAR) AS word, CAST(rows AS BIGINT) AS rows
FROM source_named
WHERE rows IS NOT NULL AND word IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY table_name, reason ORDER BY rows DESC, word) <= $most
ORDER BY table_name, reason, rows DESC, word
