-- Empty tables; patients, moments and studies by number; and every measurement in the catalogue's unit.
CREATE TEMP TYPE measured_name AS ENUM (SELECT name FROM variable WHERE source = 'measurement');
CREATE TEMP TYPE diagnosis_name AS ENUM (SELECT name FROM variable WHERE code_from IS NOT NULL);
CREATE OR REPLACE TEMP TABLE refused (variable VARCHAR, reason VARCHAR, count BIGINT);
CREATE OR REPLACE TEMP TABLE filled (variable VARCHAR, how VARCHAR, count BIGINT);
DELETE FROM feature_filled;
DELETE FROM feature_evidence;
DELETE FROM feature_count;
DELETE FROM feature_refusal;
DELETE FROM feature_group;
INSERT INTO feature_group SELECT name, code_from, code_to FROM variable WHERE code_from IS NOT NULL ORDER BY name;

-- Each value is compared with every moment where the plan expects few of either, and sometimes it expects wrongly.
SET asof_loop_join_threshold = 0;

-- Numbers take the place of 32 characters, and those of a patient's moments follow each other in time: what is known from
-- one echo to another is known in a range of numbers. A moment is the time of an echo, seldom of two.
CREATE OR REPLACE TEMP TABLE numbered_study AS
SELECT
    study_key,
    patient_key,
    study_at,
    CAST(row_number() OVER (ORDER BY patient_key, study_at, study_key) AS INTEGER) AS study_no,
    CAST(dense_rank() OVER (ORDER BY patient_key, study_at) AS INTEGER) AS moment_no,
    CAST(dense_rank() OVER (ORDER BY patient_key) AS INTEGER) AS patient_no
FROM study;

-- How each variable and unit that was said is to be read (`conversion`: variable, unit, factor, shift). One whose unit is
-- unknown, or missing where that is ambiguous, is refused, never guessed.
CREATE OR REPLACE TEMP TABLE reading AS
SELECT
    said.*,
    CASE WHEN source = 'measurement' THEN CAST(said.variable AS measured_name) END AS name,
    window_days,
    low,
    high,
    is_code,
    factor,
    conversion.shift,
    CASE
        WHEN variable.name IS NULL THEN 'UNKNOWN_VARIABLE'
        WHEN variable.source <> 'measurement' THEN 'NOT_A_MEASUREMENT'
        WHEN conversion.unit IS NULL AND plain_unit(coalesce(said.unit, '')) = '' THEN 'MISSING_UNIT'
        WHEN conversion.unit IS NULL THEN 'UNKNOWN_UNIT'
    END AS refusal
FROM (SELECT variable, unit, count(*) AS rows FROM measurement GROUP BY ALL) AS said
LEFT JOIN variable ON variable.name = said.variable
LEFT JOIN conversion ON conversion.variable = said.variable AND conversion.unit = plain_unit(coalesce(said.unit, ''));

-- Values in the catalogue's unit; one outside the limits, or half a code, is null, never clipped.
CREATE OR REPLACE TEMP TABLE converted AS
SELECT
    person.patient_no,
    study_no,
    name AS variable,
    window_days,
    measured_at,
    CASE
        WHEN value * factor + shift BETWEEN low AND high AND NOT (is_code AND value <> floor(value))
            THEN value * factor + shift
    END AS value
FROM measurement
JOIN reading ON reading.variable = measurement.variable AND reading.unit IS NOT DISTINCT FROM measurement.unit
LEFT JOIN (SELECT DISTINCT patient_key, patient_no FROM numbered_study) AS person
    ON person.patient_key = measurement.patient_key
LEFT JOIN numbered_study ON numbered_study.study_key = measurement.study_key
WHERE refusal IS NULL;

INSERT INTO refused
SELECT CASE WHEN refusal = 'UNKNOWN_VARIABLE' THEN 'other' ELSE variable END, refusal, sum(rows)
FROM reading
WHERE refusal IS NOT NULL
GROUP BY ALL
UNION ALL
SELECT variable, 'OUTSIDE_LIMITS', count(*)
FROM converted
WHERE value IS NULL
GROUP BY ALL;

-- Since when each diagnosis group is on record (`icd9`: prefix, variable); then a row a patient, a column a group.
CREATE OR REPLACE TEMP TABLE first_diagnosed AS
SELECT patient_key, variable, min(recorded_at) AS recorded_at
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
)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE diagnosed AS
PIVOT (SELECT patient_key, CAST(variable AS diagnosis_name) AS variable, recorded_at FROM first_diagnosed)
ON variable IN diagnosis_name
USING any_value(recorded_at)
GROUP BY patient_key;

-- The times at which something can be asked; the last of the patient's at which a value measured in this one may still be
-- carried; and when the latest diagnosis group was recorded.
CREATE OR REPLACE TEMP TABLE moment AS
SELECT
    asked.*,
    latest_diagnosed_at,
    max(moment_no) OVER (
        PARTITION BY patient_no ORDER BY study_date RANGE BETWEEN CURRENT ROW AND to_days($carry_days) FOLLOWING
    ) AS carried_to
FROM (
    SELECT DISTINCT moment_no, patient_no, patient_key, study_at, CAST(study_at AS DATE) AS study_date
    FROM numbered_study
    WHERE study_at IS NOT NULL
) AS asked
ASOF LEFT JOIN (SELECT DISTINCT patient_key, recorded_at AS latest_diagnosed_at FROM first_diagnosed) AS recorded
    ON recorded.patient_key = asked.patient_key AND latest_diagnosed_at <= study_at;

-- One row: under the name of each measured variable the name itself, by which to ask a study's values.
CREATE OR REPLACE TEMP TABLE measured AS
PIVOT (SELECT unnest(enum_range(NULL::measured_name)) AS variable)
ON variable IN measured_name
USING any_value(variable);
