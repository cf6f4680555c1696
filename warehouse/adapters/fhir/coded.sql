-- What codes mean: variables by their LOINC codes, and by their names in a system of the site; drug classes, echocardiographies
-- and some diagnoses by the common maps (the other diagnoses: condition_code.sql); the site's own code_map comes first
-- (priority 1).
-- `vocabulary` is null where any system will do.
SELECT
    coalesce(known.vocabulary, as_text(own.system)) AS vocabulary,
    as_text(code) AS code,
    as_text(target) AS target,
    1 AS priority
FROM raw_code_map AS own
LEFT JOIN map_systems AS known ON known.system = code_system(as_text(own.system))
WHERE as_text(code) IS NOT NULL AND as_text(target) IS NOT NULL
UNION ALL
SELECT 'LOINC', code, variable, 2
FROM map_loinc
UNION ALL
SELECT NULL, name, name, 3
FROM map_variables
WHERE source = 'measurement'
UNION ALL
SELECT vocabulary, code, target, 2
FROM map_codes
UNION ALL
SELECT vocabulary, code, 'echo', 2
FROM map_code_list
WHERE code IS NOT NULL AND target IN ('transthoracic', 'pediatric', 'unspecified')
