-- All record numbers of each patient, the one in use first (place 1). An identifier of the record numbers' system
-- counts if its type is MR, if the site has named the system, or if it has no type.
WITH listed AS (
    SELECT id, unnest(json_parts(identifier)) AS one, generate_subscripts(json_parts(identifier), 1) AS listed_at
    FROM made_person
)
SELECT
    id,
    json_text(one, '$.value') AS number,
    row_number() OVER (
        PARTITION BY id
        ORDER BY coalesce(json_text(one, '$.use'), '') = 'old' OR json_text(one, '$.period.end') IS NOT NULL, listed_at
    ) AS place
FROM listed
JOIN made_number_system AS number_system ON number_system.system = coalesce(json_text(one, '$.system'), '')
WHERE json_text(one, '$.value') IS NOT NULL
    AND (is_named OR is_record_number(one))
