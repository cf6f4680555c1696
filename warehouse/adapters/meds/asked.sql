-- The codes of the events (term) of which the codes above are asked (hierarchy/above.sql); not those of which the site's
-- code_map says what they are.
SELECT name AS term, key, vocabulary, code
FROM made_code_name
WHERE name IN (SELECT CAST(code AS VARCHAR) FROM raw_data)
    AND name NOT IN (SELECT as_text(code) FROM raw_code_map WHERE as_text(code) IS NOT NULL AND as_text(target) IS NOT NULL)
