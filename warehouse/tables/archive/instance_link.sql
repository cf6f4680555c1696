-- Links every readable file to a study of the health records. The file's header names a study and a patient, by the tags
-- and rules of linkage.study and linkage.patient (link_begin.sql). Both must agree with the records; otherwise the file is
-- rejected. Of several tags, the first whose number the records know decides.
DELETE FROM instance_link;

INSERT INTO instance_link
WITH known AS (
    SELECT instance_key, domain, place, min(owner) AS owner, count(DISTINCT owner) AS owners
    FROM header_number
    JOIN same_number USING (domain, place, key)
    GROUP BY instance_key, domain, place
),
first_known AS (
    SELECT instance_key, domain, arg_min(owner, place) AS owner, arg_min(owners, place) AS owners
    FROM known
    GROUP BY instance_key, domain
),
named AS (
    SELECT instance_key, bool_or(domain = 'study') AS names_study, bool_or(domain = 'patient') AS names_patient
    FROM header_number
    GROUP BY instance_key
),
matched AS (
    SELECT
        instance.instance_key,
        instance.sop_key,
        instance.source_digest,
        instance.site_key,
        instance.manufacturer,
        coalesce(names_study, false) AS names_study,
        coalesce(names_patient, false) AS names_patient,
        study.study_key,
        study.patient_key AS study_patient,
        coalesce(known_study.owners, 0) AS studies,
        known_patient.owner AS known_patient,
        coalesce(known_patient.owners, 0) AS patients
    FROM dicom_instance AS instance
    LEFT JOIN named USING (instance_key)
    LEFT JOIN first_known AS known_study
        ON known_study.instance_key = instance.instance_key AND known_study.domain = 'study'
    LEFT JOIN first_known AS known_patient
        ON known_patient.instance_key = instance.instance_key AND known_patient.domain = 'patient'
    LEFT JOIN study ON study.study_key = known_study.owner
    WHERE instance.status = 'accepted'
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
            WHEN NOT names_study THEN 'no_study_id'
            WHEN studies = 0 THEN 'study_not_in_records'
            WHEN studies > 1 THEN 'several_studies'
            WHEN NOT names_patient THEN 'no_patient_id'
            WHEN patients = 0 THEN 'patient_not_in_records'
            WHEN patients > 1 OR known_patient <> study_patient THEN 'patient_mismatch'
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
