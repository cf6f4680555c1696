-- Stays of patients, whether the patient left dead, and whether deaths in the year after the stay are recorded (is_followed):
-- always for hospital admissions; for visits to the emergency department from release 3.0 on, which is the first with the years 2020 to 2022.
WITH release AS (
    SELECT coalesce(bool_or(contains(anchor_year_group, '2022')), false) AS follows_emergency
    FROM raw_patients
)
SELECT
    as_whole(subject_id) AS subject_id,
    admittime AS began_at,
    dischtime AS ended_at,
    'inpatient' AS kind,
    true AS is_followed,
    coalesce(TRY_CAST(hospital_expire_flag AS INTEGER) = 1, false) OR says_dead(discharge_location) AS left_dead
FROM raw_admissions
UNION ALL
SELECT as_whole(subject_id), intime, outtime, 'emergency', follows_emergency, says_dead(disposition)
FROM raw_edstays
CROSS JOIN release
UNION ALL
SELECT as_whole(subject_id), intime, outtime, 'transfer', follows_emergency, false
FROM raw_transfers
CROSS JOIN release
