-- Rows that staging could not use as they were, with the reason and what was done.
SELECT table_name, reason, count, action, example FROM conflict ORDER BY ALL
