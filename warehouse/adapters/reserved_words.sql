-- The words that no column may be called without quotes.
SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'
