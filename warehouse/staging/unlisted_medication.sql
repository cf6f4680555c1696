-- Words of drugs that are on no list. The view reads the source again, so this is run only where there are some.
INSERT INTO unlisted
SELECT 'medication', 'UNKNOWN_DRUG_CLASS', raw_class, count(*)
FROM checked_medication
WHERE reason = 'UNKNOWN_DRUG_CLASS'
GROUP BY raw_class
UNION ALL
SELECT 'medication', 'UNKNOWN_UNIT', raw_unit, count(*)
FROM checked_medication
WHERE reason IS NULL AND unit_unknown
GROUP BY raw_unit
