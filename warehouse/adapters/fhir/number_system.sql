-- The systems of identifiers that are record numbers: those that the site names in record_number_system; without it the
-- one to which most identifiers of type MR (medical record number) belong. Numbers of two systems may be equal by chance,
-- so only one system may be used unless the site says more.
WITH record_number AS (
    SELECT coalesce(json_text(one, '$.system'), '') AS system
    FROM (SELECT unnest(json_parts(identifier)) AS one FROM made_person)
    WHERE is_record_number(one)
)
SELECT as_text(system) AS system, true AS is_named
FROM raw_record_number_system
WHERE as_text(system) IS NOT NULL
UNION ALL
SELECT *
FROM (SELECT system, false FROM record_number GROUP BY system ORDER BY count(*) DESC, system LIMIT 1)
WHERE NOT EXISTS (FROM raw_record_number_system)
