-- Evidence of life: visits, admissions and discharges. What follows VISIT// or ENCOUNTER// is the kind, which staging judges.
SELECT
    subject_id AS patient_id,
    happened_at AS contact_at,
    coalesce(target, split_part(regexp_extract(code, '^[^/]+//?(.+)$', 1), '//', 1)) AS kind
FROM made_event
WHERE role = 'contact'
