-- Every coding of every concept of a condition: its vocabulary (of an unknown system the system itself) and code.
SELECT DISTINCT concept, coalesce(vocabulary, json_text(one, '$.system'), '') AS vocabulary, json_text(one, '$.code') AS code
FROM (
    SELECT concept, unnest(json_parts(json_text(concept, '$.coding'))) AS one
    FROM (SELECT DISTINCT CAST(code AS VARCHAR) AS concept FROM raw_condition WHERE code IS NOT NULL)
)
LEFT JOIN map_systems ON map_systems.system = code_system(json_text(one, '$.system'))
WHERE json_text(one, '$.code') IS NOT NULL
