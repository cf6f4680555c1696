-- The concepts of conditions, procedures and anatomic sites, each with itself and with those to which it maps: a source
-- concept or a deprecated one has the meaning of its standard concept. Concept 0 is none.
WITH used AS (
    SELECT CASE concept_id WHEN 0 THEN source_concept_id ELSE concept_id END AS concept_id FROM made_condition
    UNION
    SELECT TRY_CAST(procedure_concept_id AS BIGINT) FROM raw_procedure_occurrence
    UNION
    SELECT TRY_CAST(procedure_source_concept_id AS BIGINT) FROM raw_procedure_occurrence
    UNION
    SELECT TRY_CAST(anatomic_site_concept_id AS BIGINT) FROM raw_image_occurrence
)
SELECT concept_id, concept_id AS standard_id
FROM used
WHERE concept_id <> 0
UNION
SELECT concept_id, TRY_CAST(concept_id_2 AS BIGINT)
FROM used
JOIN raw_concept_relationship ON TRY_CAST(concept_id_1 AS BIGINT) = concept_id
WHERE concept_id <> 0
    AND relationship_id IN ('Maps to', 'Concept replaced by')
    AND invalid_reason IS NULL
    AND TRY_CAST(concept_id_2 AS BIGINT) <> 0
