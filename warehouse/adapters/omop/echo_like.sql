-- Concepts of procedures that are not on the list of echocardiographies, but whose name in the site's vocabulary says
-- echocardiography or ultrasound of the heart.
SELECT DISTINCT TRY_CAST(concept_id AS BIGINT) AS concept_id
FROM raw_concept
WHERE TRY_CAST(concept_id AS BIGINT) IN (SELECT concept_id FROM made_echo_procedure WHERE kind IS NULL AND concept_id <> 0)
    AND regexp_matches(lower(concept_name), 'echocardi|(ultraso|doppler).*(heart|cardiac)|(heart|cardiac).*(ultraso|doppler)')
