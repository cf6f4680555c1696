-- Procedures and reports that are echocardiographies by their code, newest versions, and the reason why one is no study of
-- its own (null: it is one). A code for any echocardiography may be narrowed by its words. One that an imaging study names,
-- or of a day with an imaging study of the patient, is that study; a report of a day with a procedure, or with another
-- report, belongs to it. What has a `fault` of its own is of no study.
WITH latest AS (
    SELECT
        'Procedure' AS type,
        id,
        patient_reference(subject) AS subject,
        lower(as_text(status)) AS status,
        json_parts(identifier) AS identifiers,
        coalesce(as_text(performeddatetime), json_text(performedperiod, '$.start')) AS study_at,
        fhir_id(json_text(encounter, '$.reference'), 'Encounter') AS encounter_id,
        code,
        [] AS imaging_ids
    FROM raw_procedure
    WHERE resourcetype = 'Procedure'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_procedure)) = 1
    UNION ALL
    SELECT
        'DiagnosticReport',
        id,
        patient_reference(subject),
        lower(as_text(status)),
        json_parts(identifier),
        coalesce(as_text(effectivedatetime), json_text(effectiveperiod, '$.start')),
        fhir_id(json_text(encounter, '$.reference'), 'Encounter'),
        code,
        list_transform(json_parts(imagingstudy), lambda one: fhir_id(json_text(one, '$.reference'), 'ImagingStudy'))
    FROM raw_diagnosticreport
    WHERE resourcetype = 'DiagnosticReport'
    QUALIFY id IS NULL OR row_number() OVER (PARTITION BY id ORDER BY version_of(meta) DESC, hash(raw_diagnosticreport)) = 1
),
echo AS (
    SELECT DISTINCT
        type,
        id,
        subject,
        study_at,
        CAST(as_moment(study_at) AS DATE) AS day,
        encounter_id,
        imaging_ids,
        json_text(
            list_filter(
                identifiers, lambda one: list_contains(json_extract_string(one, '$.type.coding[*].code'), 'ACSN')
            )[1],
            '$.value'
        ) AS accession,
        CASE
            WHEN status = 'entered-in-error' THEN 'ENTERED_IN_ERROR'
            WHEN status IN ('not-done', 'preparation', 'on-hold', 'stopped', 'cancelled', 'registered')
                THEN 'STUDY_DID_NOT_TAKE_PLACE'
            WHEN is_of_another_kind(
                concat_ws(
                    ' ',
                    json_text(latest.code, '$.text'),
                    array_to_string(json_extract_string(latest.code, '$.coding[*].display'), ' ')
                )
            )
                THEN 'ULTRASOUND_OF_ANOTHER_KIND'
            -- Of an imaging study that is no echocardiogram (imaging.sql), neither is its report.
            WHEN list_has_any(imaging_ids, (SELECT list(id) FROM made_imaging WHERE reason IS NOT NULL))
                THEN 'REPORT_OF_ANOTHER_STUDY'
        END AS fault
    FROM (SELECT *, unnest(json_parts(json_text(code, '$.coding'))) AS one FROM latest) AS latest
    LEFT JOIN map_systems ON map_systems.system = rtrim(lower(json_text(one, '$.system')), '/')
    JOIN made_coded AS coded
        ON coded.code = json_text(one, '$.code')
        AND target = 'echo'
        AND (coded.vocabulary IS NULL OR coded.vocabulary = coalesce(map_systems.vocabulary, json_text(one, '$.system')))
),
imaged AS (
    SELECT id AS imaging_id, study_id, procedure_id, subject, CAST(as_moment(study_at) AS DATE) AS day
    FROM made_imaging
    WHERE reason IS NULL
),
same_study AS (
    SELECT type, id, min_by(study_id, (rank, study_id)) AS study_id
    FROM (
        SELECT type, id, study_id, 1 AS rank
        FROM echo
        JOIN imaged ON type = 'Procedure' AND procedure_id = id OR list_contains(imaging_ids, imaging_id)
        UNION ALL
        SELECT type, id, study_id, 2
        FROM echo
        JOIN imaged USING (subject, day)
    )
    GROUP BY ALL
),
numbered AS (
    SELECT
        echo.*,
        imaging.study_id AS imaging_study,
        coalesce(imaging.study_id, accession, lower(type) || ' ' || id) AS own_id,
        fault IS NULL AND imaging.study_id IS NULL AND day IS NOT NULL AS is_by_itself
    FROM echo
    LEFT JOIN same_study AS imaging USING (type, id)
),
-- The first of a patient's day that is no imaging study's: a procedure before a report.
first_of_day AS (
    SELECT
        subject,
        day,
        min_by(
            {'type': type, 'id': id, 'study_id': own_id}, (type = 'DiagnosticReport', accession IS NULL, study_at, id)
        ) AS one
    FROM numbered
    WHERE is_by_itself
    GROUP BY ALL
)
SELECT
    type,
    id,
    numbered.subject,
    study_at,
    encounter_id,
    fault,
    if(type = 'DiagnosticReport', coalesce(one.study_id, own_id), own_id) AS study_id,
    CASE
        WHEN fault IS NOT NULL THEN fault
        WHEN type = 'Procedure' AND imaging_study IS NOT NULL THEN 'PROCEDURE_OF_AN_IMAGING_STUDY'
        WHEN type = 'DiagnosticReport' AND (imaging_study IS NOT NULL OR one.type <> type OR one.id <> id)
            THEN 'REPORT_OF_ANOTHER_STUDY'
    END AS reason
FROM numbered
LEFT JOIN first_of_day AS first ON is_by_itself AND first.subject = numbered.subject AND first.day = numbered.day
