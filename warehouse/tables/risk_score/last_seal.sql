-- The last seal.
SELECT number, digest FROM prospective_seal ORDER BY number DESC LIMIT 1;
