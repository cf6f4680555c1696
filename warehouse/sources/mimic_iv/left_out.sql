-- What has no place in the canonical tables, and what a release lacks.
SELECT 'measurement' AS table_name, 'NOT_A_RESTING_TRANSTHORACIC_STUDY' AS reason, count(*) AS rows
FROM raw_structured_measurement
WHERE coalesce(lower(trim(test_type)), '') <> 'tte'
UNION ALL
SELECT 'measurement', 'LABORATORY_ITEM_NOT_IN_CATALOGUE', count(*)
FROM raw_labevents
WHERE TRY_CAST(itemid AS INTEGER) NOT IN (SELECT TRY_CAST(itemid AS INTEGER) FROM map_items)
UNION ALL
SELECT 'measurement', 'MEASUREMENT_OF_NO_LISTED_STUDY', count(*)
FROM raw_structured_measurement
WHERE CAST(measurement_id AS VARCHAR) NOT IN (
    SELECT CAST(measurement_id AS VARCHAR) FROM raw_echo_study_list WHERE measurement_id IS NOT NULL
)
UNION ALL
SELECT 'death', 'NO_DOD_IN_THIS_RELEASE', count(*)
FROM raw_patients
HAVING count(*) >= 10 AND count(dod) = 0
