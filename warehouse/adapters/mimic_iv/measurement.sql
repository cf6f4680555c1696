-- Numbers from three sources. Structured measurements belong to the study with their measurement_id in the study list.
-- Measurements that the map lacks keep their name: it may be a variable of the catalogue, and is counted otherwise.
-- Laboratory values are known when they are stored. The outpatient record (omr) has days, not times; pressures taken
-- standing are left out. Words that grade a valve or the diastolic function become the catalogue's grades: the first
-- pattern of grades.csv that they match; other words are passed on, and counted.
WITH study AS (
    SELECT DISTINCT
        as_whole(measurement_id) AS measurement_id, as_whole(subject_id) AS subject_id, as_whole(study_id) AS study_id
    FROM raw_echo_study_list
    WHERE measurement_id IS NOT NULL
),
reported AS (
    SELECT
        as_whole(subject_id) AS subject_id,
        as_whole(measurement_id) AS measurement_id,
        CAST(measurement_datetime AS VARCHAR) AS measured_at,
        lower(trim(measurement)) AS name,
        trim(CAST(result AS VARCHAR)) AS result,
        TRY_CAST(trim(CAST(result AS VARCHAR)) AS DOUBLE) AS number,
        unit
    FROM raw_structured_measurement
    WHERE lower(trim(test_type)) = 'tte'
),
graded AS (
    SELECT name, result, min_by(grade, CAST(place AS INTEGER)) AS grade
    FROM (SELECT DISTINCT name, result FROM reported) AS worded
    JOIN map_measurements ON map_measurements.measurement = worded.name
    JOIN map_grades ON regexp_matches(lower(worded.result), map_grades.pattern)
        AND CASE map_grades.graded
            WHEN 'diastolic' THEN map_measurements.variable = 'diastolic_function'
            WHEN 'valve' THEN ends_with(map_measurements.variable, '_grade')
        END
    GROUP BY name, result
),
-- Ejection fraction: the middle of the reported range, else the biplane value, else the three-dimensional one.
ejection_fraction AS (
    SELECT
        subject_id,
        measurement_id,
        min(measured_at) AS measured_at,
        coalesce(
            (avg(number) FILTER (name = 'lvef') + avg(number) FILTER (name = 'lvef_upper')) / 2,
            avg(number) FILTER (name = 'lvef'),
            avg(number) FILTER (name = 'biplane_lvef'),
            avg(number) FILTER (name = 'lvef_3d')
        ) AS value,
        min(unit) AS unit
    FROM reported
    WHERE name IN ('lvef', 'lvef_upper', 'biplane_lvef', 'lvef_3d')
    GROUP BY subject_id, measurement_id
),
echo_value AS (
    SELECT subject_id, measurement_id, measured_at, 'lvef' AS variable, CAST(value AS VARCHAR) AS value, unit
    FROM ejection_fraction
    WHERE value IS NOT NULL
    UNION ALL
    -- Text in place of a number is passed on, so that staging counts it.
    SELECT subject_id, measurement_id, measured_at, 'lvef', result, unit
    FROM reported
    WHERE name IN ('lvef', 'lvef_upper', 'lvef_3d') AND number IS NULL
    UNION ALL
    SELECT
        subject_id,
        measurement_id,
        measured_at,
        coalesce(map_measurements.variable, name),
        coalesce(graded.grade, result),
        CASE WHEN unit IS NULL AND name = 'height_cm' THEN 'cm' ELSE unit END
    FROM reported
    LEFT JOIN map_measurements ON map_measurements.measurement = reported.name
    LEFT JOIN graded USING (name, result)
    WHERE name NOT IN ('lvef', 'lvef_upper', 'lvef_3d')
)
SELECT echo_value.subject_id AS patient_id, study_id, variable, value, unit, measured_at
FROM echo_value
LEFT JOIN study USING (subject_id, measurement_id)
UNION ALL
SELECT subject_id, NULL, variable, CAST(valuenum AS VARCHAR), valueuom, known_at
FROM made_laboratory
WHERE NOT is_bound
UNION ALL
SELECT as_whole(subject_id), NULL, variable, CAST(result_value AS VARCHAR), unit, CAST(chartdate AS VARCHAR)
FROM raw_omr AS omr
JOIN map_body USING (result_name)
UNION ALL
SELECT
    as_whole(subject_id),
    NULL,
    part.variable,
    split_part(CAST(result_value AS VARCHAR), '/', part.place),
    'mm[Hg]',
    CAST(chartdate AS VARCHAR)
FROM raw_omr AS omr
CROSS JOIN (VALUES ('sbp', 1), ('dbp', 2)) AS part (variable, place)
WHERE result_name IN ('Blood Pressure', 'Blood Pressure Sitting', 'Blood Pressure Lying')
