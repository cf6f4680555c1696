-- The pseudonyms of the records in a domain, each with its owner: a person, or a study.
SELECT key, owner FROM record_number WHERE domain = $domain ORDER BY key;
