-- Adds the seals $digests of the risks $numbers.
INSERT INTO prospective_seal SELECT unnest($numbers), unnest($digests);
