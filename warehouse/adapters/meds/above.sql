-- The codes of the events and of the reviewed list (code), each with itself and with every code above it (parent_codes of
-- metadata/codes.parquet), by vocabulary and code in it: `distance` counts the steps, `level` only those by which the meaning
-- gets broader. What a local code stands for, and the ICD code of a code, mean the same.
WITH RECURSIVE described AS (
    SELECT CAST(code AS VARCHAR) AS code, trim(unnest(string_split(trim(CAST(parent_codes AS VARCHAR), '[]'), ',')), ' ''"') AS parent
    FROM raw_codes
    WHERE parent_codes IS NOT NULL
),
asked AS (
    SELECT DISTINCT CAST(code AS VARCHAR) AS code FROM raw_data WHERE code IS NOT NULL
    UNION
    SELECT vocabulary || '//' || code FROM map_code_list WHERE kind = 'diagnosis' AND code IS NOT NULL
),
word AS (
    SELECT code AS name FROM asked
    UNION
    SELECT code FROM described
    UNION
    SELECT parent FROM described
),
named AS MATERIALIZED (
    SELECT
        name,
        -- Diagnoses of MIMIC-IV extracts: DIAGNOSIS//ICD//10//I509.
        CASE
            WHEN regexp_matches(upper(name), '^DIAGNOSIS//ICD//(9|10)//')
                THEN if(split_part(name, '//', 3) = '10', 'ICD10CM', 'ICD9CM')
            ELSE known.vocabulary
        END AS vocabulary,
        CASE
            WHEN regexp_matches(upper(name), '^DIAGNOSIS//ICD//(9|10)//') THEN split_part(name, '//', 4)
            ELSE split_part(regexp_extract(name, '^[^/]+//?(.+)$', 1), '//', 1)
        END AS local_code,
        -- One code has several spellings: SNOMED/84114007 and SNOMED//84114007.
        coalesce(vocabulary || '//' || local_code, name) AS key
    FROM word
    LEFT JOIN map_vocabularies AS known ON known.word = upper(regexp_extract(name, '^([^/]+)/', 1))
),
parent AS MATERIALIZED (
    SELECT DISTINCT lower.key AS child, upper.key, upper.vocabulary, upper.local_code
    FROM described
    JOIN named AS lower ON lower.name = described.code
    JOIN named AS upper ON upper.name = described.parent
    WHERE lower.key <> upper.key
),
-- SNOMED CT has fewer than 20 levels; 30 end a circle in a damaged table.
climbed AS (
    SELECT code, vocabulary AS own_vocabulary, key, vocabulary, local_code, 0 AS distance, 0 AS level
    FROM asked
    JOIN named ON name = code
    UNION
    SELECT
        code,
        own_vocabulary,
        parent.key,
        parent.vocabulary,
        parent.local_code,
        distance + 1,
        level + if(
            coalesce(starts_with(parent.vocabulary, 'ICD'), false) OR (distance = 0 AND own_vocabulary IS DISTINCT FROM 'SNOMED'), 0, 1
        )
    FROM climbed
    JOIN parent ON child = climbed.key
    WHERE distance < 30
)
SELECT code, own_vocabulary, vocabulary, local_code, min(distance) AS distance, min(level) AS level
FROM climbed
GROUP BY ALL
