-- The rows that a rule replaces.
DELETE FROM same_number WHERE domain = $domain;
