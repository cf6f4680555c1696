-- Drugs that have a class. Events have no daily dose. What MEDICATION//START// begins, the next MEDICATION//STOP// of the
-- same drug ends; other events have no end.
WITH stopped AS (
    SELECT
        as_whole(subject_id) AS subject_id,
        data.time AS stopped_at,
        regexp_extract(upper(CAST(data.code AS VARCHAR)), '^MEDICATION//STOP//(.+)$', 1) AS name
    FROM raw_data AS data
    WHERE name <> '' AND stopped_at IS NOT NULL
),
drug AS (
    SELECT subject_id, target, happened_at, regexp_extract(upper(code), '^MEDICATION//START//(.+)$', 1) AS name
    FROM made_event
    WHERE role = 'drug'
)
SELECT
    drug.subject_id AS patient_id,
    target AS drug_class,
    NULL AS dose,
    NULL AS unit,
    happened_at AS started_at,
    stopped_at AS ended_at
FROM drug
ASOF LEFT JOIN stopped ON stopped.subject_id = drug.subject_id AND stopped.name = drug.name AND happened_at <= stopped_at
