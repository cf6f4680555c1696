-- Deletes all seals, in the transaction that seals what is kept again.
DELETE FROM prospective_seal
