-- The numbers that readable files name for their study and their patient, by the tags of linkage.study.tags and
-- linkage.patient.tags, and the numbers of the records. `place`: which of the tags comes first.
CREATE OR REPLACE TEMP TABLE header_number AS
WITH tag AS (
    SELECT 'study' AS domain, unnest($study_tags) AS tag, generate_subscripts($study_tags, 1) AS place
    UNION ALL
    SELECT 'patient', unnest($patient_tags), generate_subscripts($patient_tags, 1)
),
readable AS (
    SELECT * FROM dicom_instance WHERE status = 'accepted'
),
other AS (
    SELECT instance_key, unnest(string_split(other_keys, ' ')) AS named
    FROM readable
    WHERE other_keys IS NOT NULL
),
named AS (
    SELECT instance_key, 'StudyInstanceUID' AS tag, study_key AS key FROM readable WHERE study_key IS NOT NULL
    UNION ALL
    SELECT instance_key, 'AccessionNumber', accession_key FROM readable WHERE accession_key IS NOT NULL
    UNION ALL
    SELECT instance_key, 'PatientID', patient_key FROM readable WHERE patient_key IS NOT NULL
    UNION ALL
    SELECT instance_key, split_part(named, ':', 1), split_part(named, ':', 2) FROM other
)
SELECT instance_key, domain, place, key
FROM named
JOIN tag USING (tag);

CREATE OR REPLACE TEMP TABLE record_number AS
SELECT 'study' AS domain, study_key AS key, study_key AS owner FROM study
UNION ALL
SELECT 'patient', alias_key, patient_key FROM patient_alias;

-- Equal numbers are the same; a rule adds and replaces rows.
CREATE OR REPLACE TEMP TABLE same_number AS
SELECT DISTINCT domain, place, key, owner
FROM header_number
JOIN record_number USING (domain, key);
