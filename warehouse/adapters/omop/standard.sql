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
SELECT concept_id, other_id
FROM used
JOIN made_relation USING (concept_id)
WHERE concept_id <> 0 AND other_id <> 0 AND relationship IN ('Maps to', 'Concept replaced by')
