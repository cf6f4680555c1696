-- Drugs that have a class. Events have no daily dose. What MEDICATION//START// begins, the next MEDICATION//STOP// of
-- the same drug ends. Any other event (an order, a supply, an administration) without an end says nothing of later on:
-- the drug counts as taken for sources.drug_days. A STOP at the moment of a START ends what was begun before, if that
-- goes on until then: the drug was ordered anew.
WITH change AS (
    SELECT
        as_whole(subject_id) AS subject_id,
        regexp_extract(upper(CAST(data.code AS VARCHAR)), '^MEDICATION//(?:START|STOP)//(.+)$', 1) AS name,
        as_moment(data.time) AS changed_at,
        count_if(starts_with(upper(CAST(data.code AS VARCHAR)), 'MEDICATION//STOP//')) AS stops,
        count(*) - stops AS starts
    FROM raw_data AS data
    WHERE name <> '' AND changed_at IS NOT NULL
    GROUP BY ALL
),
going_on AS (
    SELECT
        *,
        coalesce(
            sum(starts - stops) OVER (
                PARTITION BY subject_id, name ORDER BY changed_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            0
        ) AS orders
    FROM change
),
stopped AS (
    SELECT
        subject_id,
        name,
        changed_at AS stopped_at,
        if(orders > 0, changed_at - INTERVAL 1 MICROSECOND, changed_at) AS last_begin
    FROM going_on
    WHERE stops > 0
),
drug AS (
    SELECT *, as_moment(happened_at) AS began_at, regexp_extract(upper(code), '^MEDICATION//START//(.+)$', 1) AS name
    FROM made_event
    WHERE role = 'drug'
)
SELECT
    drug.subject_id AS patient_id,
    target AS drug_class,
    NULL AS dose,
    NULL AS unit,
    happened_at AS started_at,
    coalesce(
        drug.ended_at,
        CAST(stopped_at AS VARCHAR),
        CASE WHEN drug.name = '' THEN CAST(began_at + to_days(getvariable('drug_days')) AS VARCHAR) END
    ) AS ended_at
FROM drug
ASOF LEFT JOIN stopped ON stopped.subject_id = drug.subject_id AND stopped.name = drug.name AND began_at <= last_begin
