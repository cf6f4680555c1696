-- Who is in, and in which part. Every draw is a keyed hash of the patient alone, so that it does not move when others
-- join; md5 because its value is the same in every version and on every machine.
SET VARIABLE salt = $salt;
CREATE OR REPLACE TEMP MACRO drawn(purpose, key) AS
    CAST(md5_number(getvariable('salt') || '|' || purpose || '|' || key) % 1000000 AS DOUBLE) / 1000000;

-- The first day on which heart failure is on record.
CREATE OR REPLACE TEMP TABLE heart_failure AS
SELECT patient_key, min(recorded_at) AS first_recorded_at
FROM diagnosis
WHERE is_heart_failure(vocabulary, code)
GROUP BY patient_key;

-- Labelled studies of patients of the right age. Without a birth date the age is unknown, not wrong.
CREATE OR REPLACE TEMP TABLE eligible AS
SELECT
    outcome.study_key,
    outcome.patient_key,
    outcome.label,
    outcome.days,
    outcome.event,
    coalesce(heart_failure.first_recorded_at <= study.study_at, false) AS has_heart_failure,
    coalesce(is_of_age(years_between(birth_date, study.study_at), $minimum_age, $maximum_age), true) AS right_age
FROM outcome
JOIN study USING (study_key)
LEFT JOIN patient ON patient.patient_key = outcome.patient_key
LEFT JOIN heart_failure ON heart_failure.patient_key = outcome.patient_key
WHERE outcome.label IS NOT NULL;

-- The sets kept apart leave first, by patient.
CREATE OR REPLACE TEMP TABLE role AS
SELECT
    patient_key,
    CASE
        WHEN drawn('reader', patient_key) < $reader_fraction THEN 'reader'
        WHEN bool_or(has_heart_failure) AND drawn('heart_failure', patient_key) < $heart_failure_fraction
            THEN 'heart_failure'
        ELSE 'development'
    END AS role
FROM eligible
WHERE right_age
GROUP BY patient_key;

-- A patient of the heart-failure set is in it with the studies made since the diagnosis; the ones before leave.
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT eligible.*, role.role, role.role = 'heart_failure' AND NOT has_heart_failure AS before_diagnosis
FROM eligible
JOIN role USING (patient_key)
WHERE right_age;

DELETE FROM cohort;
INSERT INTO cohort
SELECT
    study_key,
    patient_key,
    role,
    CASE WHEN role = 'development' THEN CAST(md5_number($salt || '|fold|' || patient_key) % $folds AS INTEGER) ELSE -1 END
        AS fold,
    label,
    days,
    event,
    row_number() OVER (PARTITION BY patient_key ORDER BY md5($salt || '|headline|' || study_key)) = 1 AS headline
FROM chosen
WHERE NOT before_diagnosis
ORDER BY study_key;

DELETE FROM attrition WHERE step > 20;
INSERT INTO attrition
SELECT 21, 'EXCL_AGE', count(*), count(DISTINCT patient_key) FROM eligible WHERE NOT right_age
UNION ALL
SELECT 22, 'EXCL_BEFORE_HEART_FAILURE', count(*), count(DISTINCT patient_key) FROM chosen WHERE before_diagnosis
UNION ALL
SELECT 30, 'COHORT', count(*), count(DISTINCT patient_key) FROM cohort
UNION ALL
SELECT 31, 'ROLE_READER', count(*), count(DISTINCT patient_key) FROM cohort WHERE role = 'reader'
UNION ALL
SELECT 32, 'ROLE_HEART_FAILURE', count(*), count(DISTINCT patient_key) FROM cohort WHERE role = 'heart_failure'
UNION ALL
SELECT 33, 'ROLE_DEVELOPMENT', count(*), count(DISTINCT patient_key) FROM cohort WHERE role = 'development'
ORDER BY ALL;
