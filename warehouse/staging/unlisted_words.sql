-- The words that are on no list, of kinds and states of contacts and of other columns, the most frequent of each reason first.
SELECT table_name, reason, word, rows FROM unlisted_word
UNION ALL
SELECT 'contact', reason, word, rows FROM contact_word
ORDER BY table_name, reason, rows DESC, word
