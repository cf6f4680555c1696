-- Links every readable file to a study of the health records. The file's header names a study (by StudyInstanceUID or
-- accession number) and a patient. Both must agree with the records; otherwise the file is rejected.
DELETE FROM instance_link;

INSERT INTO instance_link
WITH readable AS (
    SELECT
        instance_key,
        sop_key,
        source_digest,
        patient_key AS header_patient,
        study_key AS uid_key,
        accession_key,
        site_key,
        manufacturer
    FROM dicom_instance
    WHERE status = 'accepted'
),
matched AS (
    SELECT
        readable.*,
        coalesce(by_uid.study_key, by_accession.study_key) AS study_key,
        coalesce(by_uid.patient_key, by_accession.patient_key) AS study_patient,
        alias.patient_key AS known_patient
    FROM readable
    LEFT JOIN study AS by_uid ON by_uid.study_key = readable.uid_key
    LEFT JOIN study AS by_accession ON by_accession.study_key = readable.accession_key
    LEFT JOIN patient_alias AS alias ON alias.alias_key = readable.header_patient
),
-- Copies of one SOP instance: one copy is kept if the bytes agree, none if they differ.
copies AS (
    SELECT
        *,
        count(DISTINCT source_digest) OVER same_object AS versions,
        row_number() OVER (PARTITION BY coalesce(sop_key, instance_key) ORDER BY instance_key) AS copy
    FROM matched
    WINDOW same_object AS (PARTITION BY coalesce(sop_key, instance_key))
),
checked AS (
    SELECT
        *,
        CASE
            WHEN versions > 1 THEN 'conflicting_copies'
            WHEN copy > 1 THEN 'duplicate'
            WHEN study_key IS NULL THEN 'study_not_in_records'
            WHEN header_patient IS NULL THEN 'no_patient_id'
            WHEN known_patient IS NULL THEN 'patient_not_in_records'
            WHEN known_patient <> study_patient THEN 'patient_mismatch'
        END AS reason
    FROM copies
)
SELECT
    instance_key,
    CASE WHEN reason IS NULL THEN study_key END,
    CASE WHEN reason IS NULL THEN study_patient END,
    CASE WHEN reason IS NULL THEN 'accepted' ELSE 'rejected' END,
    reason,
    site_key,
    manufacturer
FROM checked
ORDER BY instance_key;
