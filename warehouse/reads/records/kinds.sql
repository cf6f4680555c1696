-- Contacts that prove presence, by kind.
SELECT kind, count(*) AS rows FROM contact GROUP BY kind ORDER BY rows DESC, kind
