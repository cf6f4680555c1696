-- What the adapter names behind its counts; of each reason the $most most frequent. Without a vocabulary `word` is a concept or
-- a code of a closed vocabulary; with one it is said to be a code of it: Python hashes what is none.
SELECT table_name, reason, CAST(vocabulary AS VARCHAR) AS vocabulary, CAST(word AS VARCHAR) AS word, CAST(rows AS BIGINT) AS rows
FROM (FROM source_named UNION ALL BY NAME SELECT NULL::VARCHAR AS vocabulary WHERE false)
WHERE rows IS NOT NULL AND word IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY table_name, reason ORDER BY rows DESC, word) <= $most
ORDER BY table_name, reason, rows DESC, word
