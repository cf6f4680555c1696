-- What references to drugs name: each Medication and Substance, of the newest version or contained in another resource, with
-- its own codes and those of its ingredients, which may be references themselves (a mixture of drugs).
WITH RECURSIVE container AS (
    SELECT CAST(contained AS VARCHAR) AS contained FROM raw_medication
    UNION
    SELECT CAST(contained AS VARCHAR) FROM raw_medicationstatement
    UNION
    SELECT CAST(contained AS VARCHAR) FROM raw_medicationrequest
),
newest_medication AS (
    FROM raw_medication
    WHERE resourcetype = 'Medication'
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_medication)) = 1
),
newest_substance AS (
    FROM raw_substance
    WHERE resourcetype = 'Substance'
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_substance)) = 1
),
item AS (
    SELECT 'Medication/' || id AS name, CAST(code AS VARCHAR) AS code, CAST(ingredient AS VARCHAR) AS ingredient, contained
    FROM newest_medication
    UNION ALL BY NAME
    SELECT 'Substance/' || id AS name, CAST(code AS VARCHAR) AS code
    FROM newest_substance
    UNION ALL BY NAME
    SELECT
        drug_name('#' || coalesce(json_text(one, '$.id'), ''), contained) AS name,
        json_text(one, '$.code') AS code,
        json_text(one, '$.ingredient') AS ingredient,
        contained
    FROM (SELECT contained, unnest(json_parts(contained)) AS one FROM container)
    WHERE json_text(one, '$.resourceType') IN ('Medication', 'Substance')
),
part AS (
    SELECT
        name AS whole,
        drug_name(coalesce(json_text(one, '$.itemReference.reference'), referenced(json_text(one, '$.item'))), contained) AS name
    FROM (SELECT name, contained, unnest(active_ingredients(ingredient)) AS one FROM item)
),
-- Mixtures of mixtures are rare; five steps end a circle.
reached AS (
    SELECT name AS whole, name, 0 AS depth FROM item
    UNION
    SELECT reached.whole, part.name, depth + 1
    FROM reached
    JOIN part ON part.whole = reached.name
    WHERE depth < 5
),
-- In R5 the code of a substance is a CodeableReference.
concept AS (
    SELECT name, drug_concept(coalesce(referenced_concept(code), code), ingredient) AS concept FROM item
),
made_of AS (
    SELECT whole AS name, list(concept ORDER BY depth, concept) AS concepts
    FROM reached
    JOIN concept USING (name)
    WHERE concept IS NOT NULL
    GROUP BY whole
)
SELECT name, if(len(concepts) = 1, concepts[1], joined_concepts(concepts)) AS concept
FROM made_of
