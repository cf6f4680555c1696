-- Echocardiograms. OMOP has no place for the number of a DICOM study, so a site gives table echo_study; without it the
-- procedures coded as transthoracic echocardiography are the studies, and no picture can be linked to them.
WITH echo_code AS (
    SELECT TRY_CAST(concept_id AS BIGINT) AS concept_id, code
    FROM map_concepts
    WHERE kind = 'echo'
    UNION
    SELECT TRY_CAST(concept.concept_id AS BIGINT), map_concepts.code
    FROM raw_concept AS concept
    JOIN map_concepts
        ON kind = 'echo' AND vocabulary = concept.vocabulary_id AND code = concept.concept_code
),
echo AS (
    SELECT CAST(study_id AS VARCHAR) AS study_id, person_id, CAST(study_at AS VARCHAR) AS study_at, setting
    FROM raw_echo_study
    UNION ALL
    SELECT
        'procedure ' || procedure_occurrence_id,
        person_id,
        coalesce(CAST(procedure_datetime AS VARCHAR), CAST(procedure_date AS VARCHAR)),
        NULL
    FROM raw_procedure_occurrence AS procedure
    WHERE NOT EXISTS (FROM raw_echo_study)
        AND EXISTS (
            FROM echo_code
            WHERE echo_code.concept_id = TRY_CAST(procedure.procedure_concept_id AS BIGINT)
                OR echo_code.code = procedure.procedure_source_value
        )
)
SELECT
    study_id,
    coalesce(CAST(person.person_source_value AS VARCHAR), CAST(echo.person_id AS VARCHAR)) AS patient_id,
    study_at,
    setting,
    'US' AS modality,
    NULL AS study_year
FROM echo
LEFT JOIN raw_person AS person ON TRY_CAST(person.person_id AS BIGINT) = TRY_CAST(echo.person_id AS BIGINT)
