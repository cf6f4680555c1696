-- All pseudonyms by which the project knows the person who has one of the record numbers $patients: of record numbers
-- ('patient'), studies, files of the archive ('instance'), folders that hold files of nobody else, and of what a file is
-- ('file': its object, its bytes, further numbers of its header). What a header shares with a file of another person is no
-- pseudonym of this one. $studies, $instances: what is known of the person already.
WITH person AS (
    SELECT alias_key, patient_key
    FROM patient_alias
    WHERE patient_key IN (
        SELECT patient_key FROM patient_alias WHERE list_contains($patients, alias_key) OR list_contains($patients, patient_key)
    )
),
number AS (
    SELECT alias_key AS key FROM person
    UNION
    SELECT patient_key FROM person
    UNION
    SELECT unnest($patients::VARCHAR[])
),
record_study AS (
    SELECT study_key AS key FROM study WHERE patient_key IN (FROM number)
    UNION
    SELECT unnest($studies::VARCHAR[])
),
file AS (
    SELECT
        instance.*,
        coalesce(link.patient_key IN (FROM number), false)
        OR list_contains($instances::VARCHAR[], instance.instance_key)
        OR coalesce(instance.patient_key IN (FROM number), false)
        OR (
            (
                coalesce(instance.study_key IN (FROM record_study), false)
                OR coalesce(instance.accession_key IN (FROM record_study), false)
            )
            AND coalesce(instance.patient_key NOT IN (SELECT alias_key FROM patient_alias), true)
        ) AS is_own
    FROM dicom_instance AS instance
    LEFT JOIN instance_link AS link USING (instance_key)
),
-- A folder of files of this person and of files that name nobody is the person's.
own_folder AS (
    SELECT folder_key AS key
    FROM file
    GROUP BY folder_key
    HAVING bool_or(is_own) AND bool_and(is_own OR patient_key IS NULL)
),
own AS (
    SELECT *, is_own OR folder_key IN (FROM own_folder) AS is_erased FROM file
),
header AS (
    SELECT is_erased, 'patient' AS domain, patient_key AS key FROM own
    UNION ALL
    SELECT is_erased, 'study', study_key FROM own
    UNION ALL
    SELECT is_erased, 'study', accession_key FROM own
    UNION ALL
    SELECT is_erased, 'file', sop_key FROM own
    UNION ALL
    SELECT is_erased, 'file', source_digest FROM own
    UNION ALL
    SELECT is_erased, 'file', unnest(regexp_extract_all(other_keys, '[0-9a-f]{32}')) FROM own
),
of_nobody_else AS (
    SELECT domain, key
    FROM header
    WHERE key IS NOT NULL
        AND key NOT IN (SELECT alias_key FROM patient_alias WHERE alias_key NOT IN (FROM number))
        AND key NOT IN (SELECT study_key FROM study WHERE study_key NOT IN (FROM record_study))
    GROUP BY domain, key
    HAVING bool_and(is_erased)
)
SELECT 'patient' AS domain, key FROM number
UNION
SELECT 'study', key FROM record_study
UNION
SELECT 'instance', instance_key FROM own WHERE is_erased
UNION
SELECT 'folder', key FROM own_folder
UNION
SELECT domain, key FROM of_nobody_else
ORDER BY ALL
