-- Procedures that are echocardiographies by their code, newest versions, and the reason why one is no study of its own
-- (null: it is one). One that an imaging study names, or of a day with an imaging study of the patient, is that study.
WITH latest AS (
    SELECT
        id,
        patient_reference(subject) AS subject,
        lower(as_text(status)) AS status,
        json_parts(identifier) AS identifiers,
        coalesce(as_text(performeddatetime), json_text(performedperiod, '$.start')) AS study_at,
        fhir_id(json_text(encounter, '$.reference'), 'Encounter') AS encounter_id,
        json_parts(json_text(code, '$.coding')) AS codings
    FROM raw_procedure
    WHERE resourcetype = 'Procedure'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_procedure)) = 1
),
echo AS (
    SELECT DISTINCT latest.*
    FROM (SELECT *, unnest(codings) AS one FROM latest) AS latest
    LEFT JOIN map_systems ON map_systems.system = rtrim(lower(json_text(one, '$.system')), '/')
    JOIN made_coded AS coded
        ON coded.code = json_text(one, '$.code')
        AND target = 'echo'
        AND (coded.vocabulary IS NULL OR coded.vocabulary = coalesce(map_systems.vocabulary, json_text(one, '$.system')))
),
imaged AS (
    SELECT study_id, procedure_id, subject, CAST(as_moment(study_at) AS DATE) AS day
    FROM made_imaging
    WHERE reason IS NULL
),
same_study AS (
    SELECT id, min_by(study_id, (rank, study_id)) AS study_id
    FROM (
        SELECT echo.id, imaged.study_id, 1 AS rank
        FROM echo
        JOIN imaged ON imaged.procedure_id = echo.id
        UNION ALL
        SELECT echo.id, imaged.study_id, 2
        FROM echo
        JOIN imaged ON imaged.subject = echo.subject AND imaged.day = CAST(as_moment(echo.study_at) AS DATE)
    )
    GROUP BY id
)
SELECT
    id,
    subject,
    study_at,
    encounter_id,
    coalesce(
        same_study.study_id,
        json_text(
            list_filter(
                identifiers, lambda one: list_contains(json_extract_string(one, '$.type.coding[*].code'), 'ACSN')
            )[1],
            '$.value'
        ),
        'procedure ' || id
    ) AS study_id,
    CASE
        WHEN status = 'entered-in-error' THEN 'ENTERED_IN_ERROR'
        WHEN status IN ('not-done', 'preparation', 'on-hold', 'stopped') THEN 'STUDY_DID_NOT_TAKE_PLACE'
        WHEN same_study.study_id IS NOT NULL THEN 'PROCEDURE_OF_AN_IMAGING_STUDY'
    END AS reason
FROM echo
LEFT JOIN same_study USING (id)
