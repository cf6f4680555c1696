-- Each code of metadata/codes.parquet with each of its parent codes.
SELECT CAST(code AS VARCHAR) AS code, trim(unnest(string_split(trim(CAST(parent_codes AS VARCHAR), '[]'), ',')), ' ''"') AS parent
FROM raw_codes
WHERE parent_codes IS NOT NULL
