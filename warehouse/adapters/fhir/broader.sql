-- The codes above a code, or of the same meaning, by the export's own code systems and concept maps, newest versions. A
-- concept within a concept is below it, unless the code system says that its hierarchy means something else; the properties
-- parent and child say so too. Of a map, targets of the same and of a broader meaning are read.
WITH RECURSIVE code_system AS (
    SELECT url, coalesce(as_text(hierarchymeaning), 'is-a') = 'is-a' AS is_nested, concept
    FROM raw_codesystem
    WHERE resourcetype = 'CodeSystem'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_codesystem)) = 1
),
node AS (
    SELECT url, is_nested, NULL::VARCHAR AS outer_code, unnest(json_parts(concept)) AS one
    FROM code_system
    UNION ALL
    SELECT url, is_nested, json_text(one, '$.code'), unnest(json_parts(json_text(one, '$.concept')))
    FROM node
),
property AS (
    SELECT url, json_text(one, '$.code') AS own_code, unnest(json_parts(json_text(one, '$.property'))) AS said
    FROM node
),
related AS (
    SELECT
        url,
        own_code,
        json_text(said, '$.code') AS property,
        coalesce(json_text(said, '$.valueCode'), json_text(said, '$.valueCoding.code'), json_text(said, '$.valueString')) AS other_code
    FROM property
    WHERE json_text(said, '$.code') IN ('parent', 'child')
),
concept_map AS (
    SELECT unnest(json_parts("group")) AS one
    FROM (
        FROM raw_conceptmap
        WHERE resourcetype = 'ConceptMap'
        QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_conceptmap)) = 1
    )
),
element AS (
    SELECT
        json_text(one, '$.source') AS source,
        json_text(one, '$.target') AS target,
        unnest(json_parts(json_text(one, '$.element'))) AS element
    FROM concept_map
),
mapped AS (
    SELECT source, json_text(element, '$.code') AS code, target, unnest(json_parts(json_text(element, '$.target'))) AS to_code
    FROM element
),
pair AS (
    SELECT url AS child_system, json_text(one, '$.code') AS child, url AS system, outer_code AS code, 'broader' AS relation
    FROM node
    WHERE is_nested
    UNION
    SELECT url, own_code, url, other_code, 'broader'
    FROM related
    WHERE property = 'parent'
    UNION
    SELECT url, other_code, url, own_code, 'broader'
    FROM related
    WHERE property = 'child'
    UNION
    SELECT
        source,
        code,
        target,
        json_text(to_code, '$.code'),
        -- R5 calls it relationship.
        CASE lower(coalesce(json_text(to_code, '$.equivalence'), json_text(to_code, '$.relationship')))
            WHEN 'equivalent' THEN 'same'
            WHEN 'equal' THEN 'same'
            WHEN 'wider' THEN 'broader'
            WHEN 'subsumes' THEN 'broader'
            WHEN 'source-is-narrower-than-target' THEN 'broader'
        END
    FROM mapped
)
SELECT
    coalesce(lower_system.vocabulary, child_system) || '//' || child AS child,
    coalesce(upper_system.vocabulary, pair.system) || '//' || code AS key,
    coalesce(upper_system.vocabulary, pair.system) AS vocabulary,
    code,
    relation
FROM pair
LEFT JOIN map_systems AS lower_system ON lower_system.system = code_system(child_system)
LEFT JOIN map_systems AS upper_system ON upper_system.system = code_system(pair.system)
WHERE child IS NOT NULL AND code IS NOT NULL AND relation IS NOT NULL AND child_system IS NOT NULL AND pair.system IS NOT NULL
