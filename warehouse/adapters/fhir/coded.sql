-- What codes mean: variables by the LOINC codes of the catalogue, and by their names in a system of the site; drug
-- classes, echocardiographies and diagnoses by the common maps; the site's own code_map comes first (priority 1).
-- `vocabulary` is null where any system will do.
SELECT
    coalesce(known.vocabulary, as_text(own.system)) AS vocabulary,
    as_text(code) AS code,
    as_text(target) AS target,
    1 AS priority
FROM raw_code_map AS own
LEFT JOIN map_systems AS known ON known.system = lower(as_text(own.system))
WHERE as_text(code) IS NOT NULL AND as_text(target) IS NOT NULL
UNION ALL
SELECT 'LOINC', unnest(regexp_extract_all(code, '\d+-\d')), name, 2
FROM map_variables
WHERE code_system = 'LOINC'
UNION ALL
SELECT NULL, name, name, 3
FROM map_variables
WHERE source = 'measurement'
UNION ALL
SELECT vocabulary, code, target, 2
FROM map_codes
