-- Prepares the features of all shards: empty tables; numbers for patients, moments and studies; every measurement in the
-- catalogue's unit; and the first record of each diagnosis group.
CREATE TEMP TYPE measured_name AS ENUM (SELECT name FROM variable WHERE source = 'measurement');
CREATE TEMP TYPE diagnosis_name AS ENUM (SELECT name FROM variable WHERE code_from IS NOT NULL);
CREATE OR REPLACE TEMP TABLE refused (variable VARCHAR, reason VARCHAR, count BIGINT);
CREATE OR REPLACE TEMP TABLE filled (variable VARCHAR, how VARCHAR, count BIGINT);
DELETE FROM feature_filled;
DELETE FROM feature_evidence;
DELETE FROM feature_count;
DELETE FROM feature_refusal;
DELETE FROM feature_group;
DELETE FROM feature_outside;
DELETE FROM feature_rule;
INSERT INTO feature_rule VALUES ($same_day);
INSERT INTO feature_outside
SELECT name, $outside_days
FROM variable
WHERE $outside = 'nearest' AND source = 'measurement' AND window_days > 0
ORDER BY name;
INSERT INTO feature_group SELECT name, code_from, code_to FROM variable WHERE code_from IS NOT NULL ORDER BY name;

-- DuckDB would use a nested loop for an ASOF join if it expects few rows, and its estimate is sometimes wrong.
SET asof_loop_join_threshold = 0;

-- Integer numbers replace the keys of 32 characters. A moment is the time of an echo (rarely of two echoes of a patient).
-- The moments of a patient are numbered in the order of time, so that a period is a range of numbers. Records count that
-- are known at the echo's cutoff (definitions/moment.sql).
CREATE OR REPLACE TEMP TABLE numbered_study AS
SELECT
    study_key,
    patient_key,
    study_at,
    cutoff_at(study_at, $same_day) AS cutoff,
    CAST(row_number() OVER (ORDER BY patient_key, cutoff, study_key) AS INTEGER) AS study_no,
    CAST(dense_rank() OVER (ORDER BY patient_key, cutoff) AS INTEGER) AS moment_no,
    CAST(dense_rank() OVER (ORDER BY patient_key) AS INTEGER) AS patient_no
FROM study;

-- How each variable and unit is converted (`conversion`: variable, unit, factor, shift). An unknown unit, or a missing one
-- that would be ambiguous, is refused and never guessed.
CREATE OR REPLACE TEMP TABLE unit_conversion AS
SELECT
    measured_unit.*,
    CASE WHEN source = 'measurement' THEN CAST(measured_unit.variable AS measured_name) END AS name,
    window_days,
    low,
    high,
    is_code,
    factor,
    conversion.shift,
    CASE
        WHEN variable.name IS NULL THEN 'UNKNOWN_VARIABLE'
        WHEN variable.source <> 'measurement' THEN 'NOT_A_MEASUREMENT'
        WHEN conversion.unit IS NULL AND plain_unit(coalesce(measured_unit.unit, '')) = '' THEN 'MISSING_UNIT'
        WHEN conversion.unit IS NULL THEN 'UNKNOWN_UNIT'
    END AS refusal
FROM (SELECT variable, unit, count(*) AS rows FROM measurement GROUP BY ALL) AS measured_unit
LEFT JOIN variable ON variable.name = measured_unit.variable
LEFT JOIN conversion ON conversion.variable = measured_unit.variable AND conversion.unit = plain_unit(coalesce(measured_unit.unit, ''));

-- Values in the catalogue's unit. A value outside the limits (null: none), or a code or grade that is not a whole number,
-- becomes null; values are never clipped.
CREATE OR REPLACE TEMP TABLE converted AS
SELECT
    person.patient_no,
    study_no,
    name AS variable,
    window_days,
    measured_at,
    known_at(measured_at, $same_day) AS known_at,
    CASE
        WHEN value * factor + shift BETWEEN coalesce(low, '-inf') AND coalesce(high, 'inf') AND NOT (is_code AND value <> floor(value))
            THEN value * factor + shift
    END AS value
FROM measurement
JOIN unit_conversion ON unit_conversion.variable = measurement.variable AND unit_conversion.unit IS NOT DISTINCT FROM measurement.unit
LEFT JOIN (SELECT DISTINCT patient_key, patient_no FROM numbered_study) AS person
    ON person.patient_key = measurement.patient_key
LEFT JOIN numbered_study ON numbered_study.study_key = measurement.study_key
WHERE refusal IS NULL;

INSERT INTO refused
SELECT CASE WHEN refusal = 'UNKNOWN_VARIABLE' THEN 'other' ELSE variable END, refusal, sum(rows)
FROM unit_conversion
WHERE refusal IS NOT NULL
GROUP BY ALL
UNION ALL
SELECT variable, 'OUTSIDE_LIMITS', count(*)
FROM converted
WHERE value IS NULL
GROUP BY ALL;

-- The first record of each diagnosis group (`icd9`: prefix, variable), by when it was known; then one row for each patient,
-- one column for each group.
CREATE OR REPLACE TEMP TABLE coded AS
SELECT DISTINCT patient_key, variable, recorded_at
FROM (
    SELECT patient_key, variable.name AS variable, recorded_at
    FROM diagnosis
    JOIN variable ON left(code, 3) BETWEEN code_from AND code_to
    WHERE vocabulary = 'ICD10CM'
    UNION ALL
    SELECT patient_key, icd9.variable, recorded_at
    FROM diagnosis
    JOIN icd9 ON left(code, 3) = left(prefix, 3) AND starts_with(code, prefix)
    WHERE vocabulary = 'ICD9CM'
);

CREATE OR REPLACE TEMP TABLE first_diagnosed AS
SELECT patient_key, variable, min(known_at) AS known_at, arg_min(recorded_at, known_at) AS recorded_at
FROM (SELECT *, known_at(recorded_at, $same_day) AS known_at FROM coded)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE diagnosed AS
PIVOT (SELECT patient_key, CAST(variable AS diagnosis_name) AS variable, known_at FROM first_diagnosed)
ON variable IN diagnosis_name
USING any_value(known_at)
GROUP BY patient_key;

-- The moments, with the latest first record of a diagnosis group (latest_diagnosed_at), the patient's first moment that is
-- later for certain (later_from: an echo without a time of day may be later than any other of its day) and the last one to
-- which a value of this one may be carried forward (carried_to).
CREATE OR REPLACE TEMP TABLE moment AS
SELECT
    study_moment.*,
    latest_diagnosed_at,
    1 + CASE WHEN has_time(study_at) THEN moment_no ELSE max(moment_no) OVER (PARTITION BY patient_no, study_date) END
        AS later_from,
    max(moment_no) OVER (
        PARTITION BY patient_no ORDER BY study_date RANGE BETWEEN CURRENT ROW AND to_days($carry_days) FOLLOWING
    ) AS carried_to
FROM (
    SELECT moment_no, patient_no, patient_key, cutoff, min(study_at) AS study_at, CAST(cutoff AS DATE) AS study_date
    FROM numbered_study
    WHERE study_at IS NOT NULL
    GROUP BY ALL
) AS study_moment
ASOF LEFT JOIN (SELECT DISTINCT patient_key, known_at, recorded_at AS latest_diagnosed_at FROM first_diagnosed) AS recorded
    ON recorded.patient_key = study_moment.patient_key AND known_at <= cutoff;

-- One row with one column for each measured variable, whose value is the variable's name: feature.sql looks up the values
-- of a study by it.
CREATE OR REPLACE TEMP TABLE measured AS
PIVOT (SELECT unnest(enum_range(NULL::measured_name)) AS variable)
ON variable IN measured_name
USING any_value(variable);
