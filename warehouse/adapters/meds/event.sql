-- Events with a meaning, in text.
SELECT
    as_whole(subject_id) AS subject_id,
    data.time AS happened_at,
    as_text(data."end") AS ended_at,
    CAST(data.code AS VARCHAR) AS code,
    CAST(numeric_value AS VARCHAR) AS number,
    as_text(text_value) AS words,
    as_text(data.unit) AS unit,
    as_text(study_id) AS study_id,
    role,
    target
FROM raw_data AS data
JOIN made_meaning AS meaning ON meaning.code = CAST(data.code AS VARCHAR)
WHERE role <> 'none'
