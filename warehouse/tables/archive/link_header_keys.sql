-- The pseudonyms that headers name in a domain, by the place of the tag.
SELECT DISTINCT place, key FROM header_number WHERE domain = $domain ORDER BY place, key;
