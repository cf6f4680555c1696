-- Procedures and reports that are echocardiographies, and the reason why one is no study of its own (null: it is one).
-- One that an imaging study names, or of a day with an imaging study of the patient, is that study; a report of a day
-- with a procedure, or with another report, belongs to it. A report that says no kind is of the echo that the patient
-- had that day, be it one of another kind (transesophageal, stress ...). What has a `fault` of its own is of no study.
WITH examined AS (
    SELECT
        * EXCLUDE (identifiers, reference, patient_id),
        coalesce(patient_id, subject) AS patient,
        CAST(as_moment(study_at) AS DATE) AS day,
        json_text(
            list_filter(
                identifiers, lambda one: list_contains(json_extract_string(one, '$.type.coding[*].code'), 'ACSN')
            )[1],
            '$.value'
        ) AS accession
    FROM made_examination
    LEFT JOIN made_subject ON reference = subject
    WHERE kind IS NOT NULL
),
imaged AS (
    SELECT
        id AS imaging_id,
        study_id,
        procedure_id,
        coalesce(patient_id, subject) AS patient,
        CAST(as_moment(study_at) AS DATE) AS day,
        reason,
        is_another_echo
    FROM made_imaging
    LEFT JOIN made_subject ON reference = subject
),
had AS (
    SELECT patient, day, is_another_echo AS is_another
    FROM imaged
    WHERE reason IS NULL OR is_another_echo
    UNION
    SELECT patient, day, NOT is_resting_echo(kind)
    FROM examined
    WHERE NOT did_not AND (type = 'Procedure' OR kind <> 'unspecified')
),
had_another AS (
    SELECT patient, day
    FROM had
    GROUP BY ALL
    HAVING bool_and(is_another)
),
echo AS (
    SELECT
        examined.*,
        CASE
            WHEN status = 'entered-in-error' THEN 'ENTERED_IN_ERROR'
            WHEN did_not THEN 'STUDY_DID_NOT_TAKE_PLACE'
            WHEN NOT is_resting_echo(kind) THEN 'ULTRASOUND_OF_ANOTHER_KIND'
            -- Of an imaging study that is no echocardiogram (imaging.sql), neither is its report.
            WHEN list_has_any(imaging_ids, (SELECT list(imaging_id) FROM imaged WHERE reason IS NOT NULL))
                THEN 'REPORT_OF_ANOTHER_STUDY'
            WHEN type = 'DiagnosticReport' AND kind = 'unspecified' AND had_another.day IS NOT NULL
                THEN 'REPORT_OF_ANOTHER_STUDY'
        END AS fault
    FROM examined
    LEFT JOIN had_another USING (patient, day)
),
same_study AS (
    SELECT type, id, min_by(study_id, (rank, study_id)) AS study_id
    FROM (
        SELECT type, id, study_id, 1 AS rank
        FROM echo
        JOIN imaged ON type = 'Procedure' AND procedure_id = id OR list_contains(imaging_ids, imaging_id)
        WHERE reason IS NULL
        UNION ALL
        SELECT type, id, study_id, 2
        FROM echo
        JOIN imaged USING (patient, day)
        WHERE reason IS NULL
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
        patient,
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
LEFT JOIN first_of_day AS first ON is_by_itself AND first.patient = numbered.patient AND first.day = numbered.day
