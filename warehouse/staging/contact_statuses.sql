-- Every text that contacts have as their status.
SELECT DISTINCT lower(as_text(status)) FROM described_contact WHERE as_text(status) IS NOT NULL ORDER BY ALL
