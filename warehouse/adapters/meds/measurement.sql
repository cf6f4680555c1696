-- Values of the catalogue's variables. The unit is that of the event, else the third part of its code (UNK: none), else the site's.
-- A number whose text says less or greater is a bound.
SELECT
    subject_id AS patient_id,
    event.study_id,
    target AS variable,
    coalesce(number, answer.value, event.words) AS value,
    coalesce(event.unit, nullif(nullif(split_part(event.code, '//', 3), ''), 'UNK'), own.unit) AS unit,
    happened_at AS measured_at
FROM made_event AS event
LEFT JOIN made_answer AS answer ON answer.variable = event.target AND answer.words = event.words
LEFT JOIN (SELECT as_text(code) AS code, min(as_text(unit)) AS unit FROM raw_code_map GROUP BY ALL) AS own ON own.code = event.code
WHERE role = 'variable' AND NOT (number IS NOT NULL AND is_bound(event.words))
UNION ALL
SELECT subject_id, study_id, 'current_smoker', answer.value, NULL, happened_at
FROM made_event AS event
JOIN made_answer AS answer ON answer.variable = 'current_smoker' AND answer.words = event.words
WHERE role = 'variable' AND target = 'smoking' AND number IS NULL
UNION ALL
-- A code that is an answer itself (NYHA class III, ex-smoker).
SELECT subject_id, study_id, split_part(target, '//', 1), split_part(target, '//', 2), NULL, happened_at
FROM made_event
WHERE role = 'answer' AND number IS NULL AND words IS NULL
