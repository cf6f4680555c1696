-- Evidence of life: visits (and their ends), admissions and discharges. What follows VISIT// or ENCOUNTER// is the
-- kind, which staging judges.
SELECT
    subject_id AS patient_id,
    happened_at AS contact_at,
    coalesce(target, split_part(regexp_extract(code, '^[^/]+//?(.+)$', 1), '//', 1)) AS kind
FROM (
    SELECT * FROM made_event
    UNION ALL
    SELECT * REPLACE (ended_at AS happened_at) FROM made_event WHERE ended_at IS NOT NULL
)
WHERE role = 'contact'
