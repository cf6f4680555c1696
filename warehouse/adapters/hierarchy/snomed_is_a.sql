-- The code of SNOMED CT above a code, by the relationships of a release: the newest version of each, as far as it is active.
-- 116680003 is 'is a'.
SELECT DISTINCT sourceid AS child, destinationid AS parent
FROM (
    SELECT sourceid, destinationid, active
    FROM raw_sct2_relationship
    WHERE typeid = '116680003'
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY effectivetime DESC) = 1
)
WHERE active = '1'
