-- The ledger's units of $asset, or those among $units, with the recipe that made each.
SELECT unit, digest, artifact, recipe
FROM ledger
WHERE asset = $asset AND ($units IS NULL OR unit IN (SELECT unnest($units::VARCHAR[])))
ORDER BY unit;
