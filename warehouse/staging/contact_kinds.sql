-- Every text that contacts have as their kind; empty where there is none.
SELECT DISTINCT coalesce(lower(as_text(kind)), '') FROM described_contact ORDER BY ALL
