-- The values of observations: that of the observation itself, and those of its components (such as the two of a blood
-- pressure). An observation that has components alone, or members alone, has no value of its own.
WITH component AS (
    SELECT * EXCLUDE (code, valuequantity, valueinteger, valuestring, valueboolean, valuecodeableconcept, component),
        unnest(json_parts(component)) AS one
    FROM made_observed
)
SELECT
    * EXCLUDE (component, valuequantity, valueinteger, valuestring, valueboolean, valuecodeableconcept),
    CAST(valuequantity AS VARCHAR) AS quantity,
    coalesce(as_text(valueinteger), as_text(valuestring), as_text(valueboolean)) AS plain,
    CAST(valuecodeableconcept AS VARCHAR) AS answer
FROM made_observed
WHERE coalesce(valuequantity, valueinteger, valuestring, valueboolean, valuecodeableconcept) IS NOT NULL
    OR len(json_parts(component)) = 0
UNION ALL BY NAME
SELECT
    * EXCLUDE (one),
    json_text(one, '$.code') AS code,
    json_text(one, '$.valueQuantity') AS quantity,
    coalesce(json_text(one, '$.valueInteger'), json_text(one, '$.valueString'), json_text(one, '$.valueBoolean')) AS plain,
    json_text(one, '$.valueCodeableConcept') AS answer
FROM component
