-- The cohort: which labelled studies take part, in which role and fold; beside it, in table censored, those that lack a
-- label only because their follow-up ends too early. Every draw depends on the salt and the patient alone, so
-- that new patients do not change the draw of others. md5 gives the same value in every version and on every machine.
-- `attrition_step` comes from definitions/attrition_step.sql.
SET VARIABLE salt = $salt;
CREATE OR REPLACE TEMP MACRO uniform_draw(purpose, key) AS
    CAST(md5_number(getvariable('salt') || '|' || purpose || '|' || key) % 1000000 AS DOUBLE) / 1000000;

-- The first day on which heart failure is on record.
CREATE OR REPLACE TEMP TABLE heart_failure AS
SELECT patient_key, min(recorded_at) AS first_recorded_at
FROM diagnosis
WHERE is_heart_failure(vocabulary, code)
GROUP BY patient_key;

-- Whether each study is of a patient of the right age (without a birth date the age is unknown, not wrong), and of one with
-- heart failure on record.
CREATE OR REPLACE TEMP TABLE study_known AS
SELECT
    study.study_key,
    study.patient_key,
    coalesce(heart_failure.first_recorded_at <= study.study_at, false) AS has_heart_failure,
    coalesce(is_of_age(years_between(birth_date, study.study_at), $minimum_age, $maximum_age), true) AS right_age
FROM study
LEFT JOIN patient USING (patient_key)
LEFT JOIN heart_failure USING (patient_key);

-- Each patient's first study: when the patient entered.
CREATE OR REPLACE TEMP TABLE entry AS
SELECT patient_key, min(study_at) AS first_study_at, min(study_year) AS first_year
FROM study
WHERE study_at IS NOT NULL
GROUP BY patient_key;

-- The role of each patient, drawn once, from what was known at the first study: the sets apart are drawn first. A role
-- that was drawn with the same settings stays, whatever is recorded later.
DELETE FROM patient_role WHERE drawn_with <> $drawn_with;
INSERT INTO patient_role
SELECT
    patient_key,
    CASE
        WHEN uniform_draw('reader', patient_key) < $reader_fraction THEN 'reader'
        WHEN uniform_draw('sealed', patient_key) < $sealed_fraction THEN 'sealed'
        WHEN entry.first_year >= $later_from THEN 'later_years'
        WHEN heart_failure.first_recorded_at <= entry.first_study_at
            AND uniform_draw('heart_failure', patient_key) < $heart_failure_fraction
            THEN 'heart_failure'
        ELSE 'development'
    END,
    $drawn_with
FROM entry
LEFT JOIN heart_failure USING (patient_key)
WHERE patient_key NOT IN (SELECT patient_key FROM patient_role)
ORDER BY patient_key;

-- Two patients whose records turn out to be one person's: if models were trained on either, the person is in development, so
-- that nobody is judged in a set apart by models that know the outcome.
UPDATE patient_role
SET role = 'development'
WHERE role <> 'development' AND patient_key IN (
    SELECT patient_alias.patient_key
    FROM patient_alias
    JOIN patient_role AS absorbed ON absorbed.patient_key = patient_alias.alias_key
    WHERE absorbed.role = 'development'
);

-- Role and fold of each study: those of its patient. For patients of the heart-failure set, studies before a diagnosis that was
-- corrected since are excluded.
CREATE OR REPLACE TEMP TABLE study_role AS
SELECT
    study_key,
    patient_key,
    right_age,
    right_age AND role = 'heart_failure' AND NOT has_heart_failure AS before_diagnosis,
    role,
    -- Without the inner cast the remainder would be one of DOUBLEs, whose last bits are lost: only odd numbers of folds would
    -- be filled.
    CASE
        WHEN role = 'development'
            THEN CAST(md5_number($salt || '|fold|' || patient_key) % CAST($folds AS UHUGEINT) AS INTEGER)
        ELSE -1
    END AS fold,
    md5($salt || '|headline|' || study_key) AS headline_draw
FROM study_known
JOIN patient_role USING (patient_key);

-- Labelled and censored studies that take part. A study that nothing follows is censored on its own day.
CREATE OR REPLACE TEMP TABLE drawn AS
SELECT
    study_key,
    patient_key,
    role,
    fold,
    label,
    greatest(coalesce(days, 0), 0) AS days,
    coalesce(event, false) AS event,
    row_number() OVER (PARTITION BY patient_key, label IS NULL ORDER BY headline_draw) = 1 AS headline,
    row_number() OVER (PARTITION BY patient_key ORDER BY headline_draw) = 1 AS followed_headline
FROM (SELECT study_key, label, days, event, reason FROM outcome) AS outcome
JOIN study_role USING (study_key)
WHERE right_age
    AND NOT before_diagnosis
    AND (
        label IS NOT NULL
        OR reason IN (
            'EXCL_CENSORED_LT_1Y', 'EXCL_INCOMPLETE_WINDOW', 'EXCL_NO_FOLLOWUP', 'EXCL_FOLLOWUP_BEFORE_STUDY'
        )
    );

-- With $studies = 'one', a patient's other labelled studies are left out; among the censored ones, all but the one that
-- the figures take where it comes before the labelled one.
DELETE FROM cohort;
INSERT INTO cohort BY NAME
SELECT *
FROM drawn
WHERE label IS NOT NULL AND ($studies = 'all' OR headline)
ORDER BY study_key;

DELETE FROM censored;
INSERT INTO censored BY NAME
SELECT * EXCLUDE (label, headline)
FROM drawn
WHERE label IS NULL AND ($studies = 'all' OR followed_headline)
ORDER BY study_key;

-- The same at every horizon: a study that is labelled at one may be censored at another.
DELETE FROM cohort_at_horizon;
INSERT INTO cohort_at_horizon BY NAME
SELECT
    study_key,
    patient_key,
    horizon_days,
    role,
    fold,
    label,
    row_number() OVER (PARTITION BY patient_key, horizon_days ORDER BY headline_draw) = 1 AS headline
FROM (SELECT study_key, horizon_days, label FROM outcome_at_horizon WHERE label IS NOT NULL) AS labelled
JOIN study_role USING (study_key)
WHERE right_age AND NOT before_diagnosis
QUALIFY $studies = 'all' OR headline
ORDER BY horizon_days, study_key;

-- The steps that outcome.sql counts stay.
DELETE FROM attrition WHERE step NOT IN (SELECT step FROM attrition_step WHERE decided_by = 'outcome');
INSERT INTO attrition
SELECT step, reason, count(patient_key), count(DISTINCT patient_key)
FROM attrition_step
LEFT JOIN (
    SELECT CASE WHEN before_diagnosis THEN 'EXCL_BEFORE_HEART_FAILURE' ELSE 'EXCL_AGE' END AS reason, patient_key
    FROM (SELECT study_key FROM outcome WHERE label IS NOT NULL) AS labelled
    JOIN study_role USING (study_key)
    WHERE before_diagnosis OR NOT right_age
    UNION ALL
    SELECT 'EXCL_OTHER_STUDY', patient_key FROM drawn ANTI JOIN cohort USING (study_key) WHERE label IS NOT NULL
    UNION ALL
    SELECT 'COHORT', patient_key FROM cohort
    UNION ALL
    SELECT 'ROLE_' || upper(role), patient_key FROM cohort
) AS counted USING (reason)
WHERE decided_by = 'cohort'
GROUP BY ALL
ORDER BY ALL;
