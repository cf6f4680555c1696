-- Every spelling of a code in the events and in metadata/codes.parquet (name), with its vocabulary and code there, and the one
-- key of all spellings: SNOMED/84114007 and SNOMED//84114007 are one code.
WITH word AS (
    SELECT CAST(code AS VARCHAR) AS name FROM raw_data WHERE code IS NOT NULL
    UNION
    SELECT code FROM made_parent_code
    UNION
    SELECT parent FROM made_parent_code
)
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
    END AS code,
    coalesce(vocabulary || '//' || code, name) AS key
FROM word
LEFT JOIN map_vocabularies AS known ON known.word = upper(regexp_extract(name, '^([^/]+)/', 1))
