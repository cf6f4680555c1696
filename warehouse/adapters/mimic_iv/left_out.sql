-- Rows that do not go into the canonical tables, and data that a release lacks.
SELECT 'measurement' AS table_name, 'NOT_A_RESTING_TRANSTHORACIC_STUDY' AS reason, count(*) AS rows
FROM raw_structured_measurement
WHERE coalesce(lower(trim(test_type)), '') <> 'tte'
UNION ALL
SELECT 'measurement', 'LABORATORY_ITEM_NOT_IN_CATALOGUE', count(*)
FROM raw_labevents
WHERE coalesce(TRY_CAST(itemid AS INTEGER) NOT IN (SELECT TRY_CAST(itemid AS INTEGER) FROM map_items), true)
UNION ALL
SELECT 'measurement', 'VALUE_IS_A_BOUND', count(*)
FROM made_laboratory
WHERE is_bound
UNION ALL
SELECT 'measurement', 'OUTPATIENT_RESULT_NOT_READ', count(*)
FROM raw_omr
WHERE coalesce(
    result_name NOT IN (
        SELECT result_name FROM map_body
        UNION ALL
        VALUES ('Blood Pressure'), ('Blood Pressure Sitting'), ('Blood Pressure Lying')
    ),
    true
)
UNION ALL
SELECT 'measurement', 'MEASUREMENT_OF_NO_LISTED_STUDY', count(*)
FROM raw_structured_measurement AS measured
WHERE lower(trim(test_type)) = 'tte'
    AND NOT EXISTS (
        FROM raw_echo_study_list AS study
        WHERE as_whole(study.measurement_id) = as_whole(measured.measurement_id)
            AND as_whole(study.subject_id) = as_whole(measured.subject_id)
    )
UNION ALL
SELECT 'medication', 'DRUG_OF_NO_CLASS', count(*)
FROM raw_prescriptions
WHERE coalesce(lower(drug) NOT IN (SELECT drug FROM made_drug_class), true)
UNION ALL
SELECT 'patient', 'BIRTH_FROM_AGE', count(*)
FROM raw_patients
WHERE anchor_age IS NOT NULL
UNION ALL
SELECT 'patient', 'TWO_RACES', count(*)
FROM made_race
WHERE races > 1
UNION ALL
SELECT 'death', 'NO_DOD_IN_THIS_RELEASE', count(*)
FROM raw_patients
HAVING count(*) >= 10 AND count(dod) = 0
UNION ALL
SELECT 'contact', 'EMERGENCY_VISIT_WITHOUT_A_YEAR_OF_FOLLOW_UP', count(*)
FROM made_stay
WHERE kind = 'emergency' AND NOT is_followed
