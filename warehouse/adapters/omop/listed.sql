-- The concepts of the reviewed lists (code_list.csv) and of the site's own (table site_code), by the site's vocabulary.
-- A reviewed id is used only where that vocabulary lacks it. A concept that replaced a listed one is listed too. What the
-- site says of a concept replaces what the reviewed list says of it.
WITH list AS (
    SELECT
        kind,
        vocabulary,
        code,
        TRY_CAST(concept_id AS BIGINT) AS concept_id,
        target,
        descendants = 'yes' AS with_descendants,
        excluded,
        false AS is_site
    FROM map_code_list
    UNION ALL
    SELECT
        trim(kind),
        trim(vocabulary),
        trim(code),
        TRY_CAST(concept_id AS BIGINT),
        trim(target),
        coalesce(lower(trim(descendants)) = 'yes', false),
        excluded,
        true
    FROM raw_site_code
    WHERE trim(kind) IN ('diagnosis', 'echo', 'anatomy')
),
site_concept AS MATERIALIZED (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, vocabulary_id AS vocabulary, concept_code AS code
    FROM raw_concept
    WHERE concept_code IN (SELECT code FROM list) OR TRY_CAST(concept_id AS BIGINT) IN (SELECT concept_id FROM list)
),
found AS (
    SELECT list.* EXCLUDE (concept_id), site_concept.concept_id
    FROM list
    JOIN site_concept USING (vocabulary, code)
    UNION
    SELECT list.* EXCLUDE (concept_id), concept_id
    FROM list
    WHERE concept_id IS NOT NULL AND (is_site OR concept_id NOT IN (SELECT concept_id FROM site_concept))
),
replaced AS (
    SELECT found.* REPLACE (other_id AS concept_id)
    FROM found
    JOIN made_relation ON made_relation.concept_id = found.concept_id
    WHERE relationship = 'Concept replaced by'
)
SELECT DISTINCT
    kind, concept_id AS listed_id, code, target, with_descendants, string_split(coalesce(excluded, ''), ' ') AS excluded
FROM (FROM found UNION FROM replaced)
WHERE concept_id <> 0
QUALIFY is_site = bool_or(is_site) OVER (PARTITION BY kind, concept_id)
