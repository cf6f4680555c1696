-- Events that do not go into the canonical tables, by reason.
SELECT 'event' AS table_name, 'EVENT_CODE_NOT_READ' AS reason, count(*) AS rows
FROM raw_data AS data
WHERE NOT EXISTS (
    FROM made_meaning AS meaning
    WHERE meaning.code = CAST(data.code AS VARCHAR)
        AND role <> 'none'
        -- A code that is an answer itself may be denied by a value.
        AND (role <> 'answer' OR (numeric_value IS NULL AND as_text(text_value) IS NULL))
)
    AND CAST(data.code AS VARCHAR) NOT IN (SELECT term FROM made_diagnosis_code WHERE found_by = 'several')
UNION ALL
SELECT 'diagnosis', reason, count(*)
FROM raw_data AS data
JOIN (SELECT DISTINCT term, found_by FROM made_diagnosis_code) AS coded ON coded.term = CAST(data.code AS VARCHAR)
JOIN map_found_by USING (found_by)
WHERE found_by = 'several' OR coded.term IN (SELECT code FROM made_meaning WHERE role = 'diagnosis')
GROUP BY reason
UNION ALL
SELECT 'study', 'NO_NUMBER_OF_A_DICOM_STUDY', count(*)
FROM made_echo
WHERE starts_with(study_id, 'echo of ')
UNION ALL
SELECT 'study', 'ECHO_NOT_TRANSTHORACIC', count(*)
FROM made_event
WHERE role = 'another_echo'
UNION ALL
SELECT 'study', 'ECHO_EVENT_NOT_READ', count(*)
FROM made_event
WHERE role = 'echo' AND EXISTS (FROM raw_echo_study)
