-- Drugs with their classes: the source value or the name of the concept contains an ingredient of the class.
WITH drug AS (
    SELECT DISTINCT
        coalesce(CAST(drug_source_value AS VARCHAR), '') AS source_value,
        coalesce(TRY_CAST(drug_concept_id AS BIGINT), 0) AS concept_id
    FROM raw_drug_exposure
),
named AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, any_value(concept_name) AS name
    FROM raw_concept
    WHERE TRY_CAST(concept_id AS BIGINT) IN (SELECT concept_id FROM drug)
    GROUP BY ALL
)
SELECT DISTINCT source_value, drug.concept_id, drug_class
FROM drug
LEFT JOIN named USING (concept_id)
JOIN map_ingredients ON contains(lower(concat_ws(' ', source_value, name)), ingredient)
