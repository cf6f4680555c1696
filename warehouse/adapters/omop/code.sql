-- Codes with one meaning each: the reviewed ones (concepts.csv, maps/loinc.csv, maps/answers.csv) and the site's own (table site_code).
SELECT kind, vocabulary, code, TRY_CAST(concept_id AS BIGINT) AS concept_id, target, false AS is_site
FROM map_concepts
UNION ALL
SELECT 'variable', 'LOINC', code, TRY_CAST(concept_id AS BIGINT), variable, false
FROM map_loinc
UNION ALL
SELECT 'answer ' || variable, vocabulary, code, NULL, value, false
FROM map_answers
UNION ALL
SELECT trim(kind), trim(vocabulary), trim(code), TRY_CAST(concept_id AS BIGINT), trim(target), true
FROM raw_site_code
WHERE trim(kind) NOT IN ('diagnosis', 'echo', 'anatomy')
