-- Events that do not go into the canonical tables, by reason.
SELECT 'event' AS table_name, 'EVENT_CODE_NOT_READ' AS reason, count(*) AS rows
FROM raw_data AS data
WHERE NOT EXISTS (FROM made_meaning AS meaning WHERE meaning.code = CAST(data.code AS VARCHAR) AND role <> 'none')
    AND CAST(data.code AS VARCHAR) NOT IN (SELECT code FROM made_diagnosis_code WHERE found_by = 'several')
UNION ALL
SELECT
    'diagnosis',
    CASE found_by
        WHEN 'map' THEN 'CONDITION_BY_ITS_MAP'
        WHEN 'ancestor' THEN 'CONDITION_BY_ITS_ANCESTOR_S_MAP'
        WHEN 'list' THEN 'CONDITION_BY_THE_LIST'
        WHEN 'several' THEN 'CONDITION_OF_SEVERAL_CATEGORIES'
    END,
    count(*)
FROM raw_data AS data
JOIN (SELECT DISTINCT code, found_by FROM made_diagnosis_code) AS coded ON coded.code = CAST(data.code AS VARCHAR)
WHERE found_by = 'several' OR (found_by <> 'source' AND coded.code IN (SELECT code FROM made_meaning WHERE role = 'diagnosis'))
GROUP BY found_by
UNION ALL
SELECT 'study', 'NO_NUMBER_OF_A_DICOM_STUDY', count(*)
FROM made_echo
WHERE starts_with(study_id, 'echo of ')
UNION ALL
SELECT 'study', 'ECHO_EVENT_NOT_READ', count(*)
FROM made_event
WHERE role = 'echo' AND EXISTS (FROM raw_echo_study)
