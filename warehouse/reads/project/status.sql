-- What the ledger says of each asset: how many units were made, when the last one was, and how many rows, files or
-- studies an asset that can leave some out accepted and left out.
WITH steps AS (
    SELECT
        max(studies) FILTER (reason = 'STUDIES') AS studies,
        max(studies) FILTER (reason = 'LABELLED') AS labelled,
        max(studies) FILTER (reason = 'COHORT') AS cohort
    FROM attrition
),
taken AS (
    SELECT table_name AS asset, rows_staged AS accepted, rows_read - rows_staged AS left_out FROM staging_count
    UNION ALL
    SELECT 'dicom_index', count(*) FILTER (status = 'accepted'), count(*) FILTER (status <> 'accepted')
    FROM dicom_instance
    UNION ALL
    SELECT 'linkage', count(*) FILTER (status = 'accepted'), count(*) FILTER (status <> 'accepted') FROM instance_link
    UNION ALL
    SELECT 'clips', count(*) FILTER (status = 'accepted'), count(*) FILTER (status <> 'accepted') FROM clip
    UNION ALL
    SELECT 'outcomes', labelled, studies - labelled FROM steps
    UNION ALL
    SELECT 'cohort', cohort, labelled - cohort FROM steps
)
SELECT
    ledger.asset, count(*) AS units, max(ledger.committed_at) AS changed,
    any_value(taken.accepted) AS accepted, any_value(taken.left_out) AS left_out
FROM ledger
LEFT JOIN taken USING (asset)
WHERE NOT starts_with(ledger.asset, 'check:')
GROUP BY ledger.asset
ORDER BY ledger.asset;
