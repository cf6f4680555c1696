-- Where a patient was, and whether leaving there began a year in which a death would be known: a hospital stay always, a
-- visit to the emergency department alone from release 3.0 on, which is the one that reaches the years 2020 to 2022.
WITH release AS (
    SELECT coalesce(bool_or(contains(anchor_year_group, '2022')), false) AS follows_emergency
    FROM raw_patients
)
SELECT as_whole(subject_id) AS subject_id, admittime AS began_at, dischtime AS ended_at, 'inpatient' AS kind, true AS is_followed
FROM raw_admissions
UNION ALL
SELECT as_whole(subject_id), intime, outtime, 'emergency', follows_emergency
FROM raw_edstays
CROSS JOIN release
UNION ALL
SELECT as_whole(subject_id), intime, outtime, 'transfer', follows_emergency
FROM raw_transfers
CROSS JOIN release
