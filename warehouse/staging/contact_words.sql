-- The kinds and states of contacts that were set aside, the most frequent first.
SELECT 'contact' AS table_name, reason, word, rows FROM contact_word ORDER BY reason, rows DESC, word
