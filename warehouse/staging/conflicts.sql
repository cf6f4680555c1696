-- What staging did with rows that it could not take as they were.
SELECT table_name, reason, count, action, example FROM conflict ORDER BY ALL
