-- What the adapter names behind its counts, the most frequent first.
SELECT table_name, reason, word, rows FROM source_named WHERE rows IS NOT NULL ORDER BY table_name, reason, rows DESC, word
