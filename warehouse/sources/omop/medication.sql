-- Drugs whose name, the source's or the concept's, holds an ingredient of a class. OMOP has no dose a day.
WITH exposure AS (
    SELECT
        TRY_CAST(person_id AS BIGINT) AS person_id,
        lower(concat_ws(' ', drug_source_value, concept.concept_name)) AS drug,
        coalesce(CAST(drug_exposure_start_datetime AS VARCHAR), CAST(drug_exposure_start_date AS VARCHAR))
            AS started_at,
        drug_exposure_end_date AS ended_at
    FROM raw_drug_exposure
    LEFT JOIN raw_concept AS concept
        ON TRY_CAST(concept.concept_id AS BIGINT) = TRY_CAST(drug_concept_id AS BIGINT)
),
classed AS (
    SELECT DISTINCT drug, drug_class
    FROM (SELECT DISTINCT drug FROM exposure)
    JOIN map_ingredients ON contains(drug, ingredient)
)
SELECT
    coalesce(CAST(person.person_source_value AS VARCHAR), CAST(exposure.person_id AS VARCHAR)) AS patient_id,
    drug_class,
    NULL AS dose,
    NULL AS unit,
    started_at,
    ended_at
FROM exposure
JOIN classed USING (drug)
LEFT JOIN raw_person AS person ON TRY_CAST(person.person_id AS BIGINT) = exposure.person_id
