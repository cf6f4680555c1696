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
    AND coalesce(CAST(data.code AS VARCHAR) NOT IN (SELECT term FROM made_diagnosis_code WHERE found_by = 'several'), true)
    -- A STOP of a drug that is read is its end.
    AND coalesce(
        upper(CAST(data.code AS VARCHAR)) NOT IN (
            SELECT replace(upper(code), 'MEDICATION//START//', 'MEDICATION//STOP//') FROM made_meaning WHERE role = 'drug'
        ),
        true
    )
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
SELECT 'study', coalesce(reason, 'ECHO_CODED_TWICE'), count(*) - if(reason IS NULL, count(DISTINCT (study_id, subject_id, study_at)), 0)
FROM made_echo_event
GROUP BY reason
UNION ALL
SELECT 'measurement', 'VALUE_IS_A_BOUND', count(*)
FROM made_event
WHERE role = 'variable' AND number IS NOT NULL AND is_bound(words)
UNION ALL
SELECT 'patient', 'TWO_RACES', count(*)
FROM made_race
WHERE races > 1
