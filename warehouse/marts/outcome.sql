-- One-year mortality of every study, or the one reason why it has none (docs/outcome.md; rules R0 to R6).
-- `patient_offset` (patient_key, shift) turns a patient's dates into true ones; it exists only while this runs, because
-- the end of the data is one true day and a table that held it beside shifted dates would give the offsets away.

-- Each patient's last contact and last echo.
CREATE OR REPLACE TEMP TABLE last_contact AS
SELECT patient_key, CAST(max(contact_at) AS DATE) AS day
FROM contact
GROUP BY patient_key;

CREATE OR REPLACE TEMP TABLE last_study AS
SELECT patient_key, CAST(max(study_at) AS DATE) AS day
FROM study
GROUP BY patient_key;

-- The last day on which something was known of anybody, as each patient's own calendar counts it. Of a death in '2020'
-- that is the first day of the year: the last one may lie beyond the data.
CREATE OR REPLACE TEMP TABLE data_end AS
WITH seen AS (
    SELECT patient_key, day FROM last_contact
    UNION ALL
    SELECT patient_key, death_date FROM death
    UNION ALL
    SELECT patient_key, day FROM last_study
),
last_day AS (
    SELECT
        CASE
            -- Each patient's dates were moved by the source: there is no common last day.
            WHEN (SELECT bool_or(calendar = 'own') FROM staging) THEN NULL
            WHEN $follow_up = 'registry' THEN CAST($registry_complete_through AS DATE)
            ELSE max(day + shift)
        END AS day
    FROM seen
    JOIN patient_offset USING (patient_key)
)
SELECT patient_key, last_day.day - shift AS day
FROM patient_offset
CROSS JOIN last_day;

-- One death a patient. Statements within 7 days agree: the best source's day is taken. Those further apart, and partial
-- dates, leave an interval (death_from to death_to); a label then needs both ends to give the same.
CREATE OR REPLACE TEMP TABLE one_death AS
WITH ranked AS (
    SELECT
        *,
        CASE source WHEN 'registry' THEN 1 WHEN 'hospital' THEN 2 WHEN 'record' THEN 3 ELSE 4 END AS priority,
        bool_or(precision = 'day') OVER (PARTITION BY patient_key) AS has_day
    FROM death
),
-- A partial date that an exact one fills in says nothing more.
candidate AS (
    SELECT *
    FROM ranked AS one
    WHERE precision <> 'unknown'
        AND (
            precision = 'day'
            OR NOT EXISTS (
                FROM death AS exact
                WHERE exact.patient_key = one.patient_key
                    AND exact.precision = 'day'
                    AND exact.death_date BETWEEN one.death_date - 7 AND one.latest_date + 7
            )
        )
),
known AS (
    SELECT
        patient_key,
        min(death_date) AS earliest,
        max(latest_date) AS latest,
        arg_min(death_date, (priority, precision <> 'day', death_date)) AS best,
        bool_and(precision = 'day') AS all_exact
    FROM candidate
    GROUP BY patient_key
)
SELECT
    patient_key,
    best AS death_date,
    CASE WHEN all_exact AND latest - earliest <= 7 THEN best ELSE earliest END AS death_from,
    CASE WHEN all_exact AND latest - earliest <= 7 THEN best ELSE latest END AS death_to
FROM (SELECT DISTINCT patient_key FROM death)
LEFT JOIN known USING (patient_key);

-- All that bears on a patient's studies, one row a patient.
CREATE OR REPLACE TEMP TABLE fate AS
SELECT
    data_end.patient_key,
    data_end.day AS end_day,
    one_death.patient_key IS NOT NULL AS died,
    death_date,
    death_from,
    death_to,
    last_contact.day AS contact_day,
    last_study.day AS last_study_day,
    quarantine.reason AS quarantined
FROM data_end
LEFT JOIN one_death USING (patient_key)
LEFT JOIN last_contact USING (patient_key)
LEFT JOIN last_study USING (patient_key)
LEFT JOIN (SELECT patient_key, min(reason) AS reason FROM quarantine GROUP BY patient_key) AS quarantine
    USING (patient_key);

-- The rules, in the order in which the attrition table counts them: the first that applies is the study's reason.
CREATE OR REPLACE TEMP TABLE rule AS
SELECT *
FROM (
    VALUES
    (1, 'EXCL_NO_STUDY_DATE'),
    (2, 'EXCL_DEATH_BEFORE_STUDY'),
    (3, 'EXCL_CONTACT_AFTER_DEATH'),
    (4, 'EXCL_PATIENT_QUARANTINED'),
    (5, 'EXCL_DEATH_DATE_UNKNOWN'),
    (6, 'EXCL_INCOMPLETE_WINDOW'),
    (7, 'EXCL_DEATH_DATE_UNCERTAIN'),
    (8, 'EXCL_NO_FOLLOWUP'),
    (9, 'EXCL_FOLLOWUP_BEFORE_STUDY'),
    (10, 'EXCL_CENSORED_LT_1Y')
) AS rule (step, reason);

DELETE FROM outcome_rule;
INSERT INTO outcome_rule VALUES ($horizon_days, $follow_up, $require_full_window);

DELETE FROM outcome;
INSERT INTO outcome
-- Whole calendar days (R0): dates are cast before they are subtracted. A later echo of the same patient is evidence of
-- life; the study itself is not.
WITH judged AS (
    SELECT
        study.study_key,
        study.patient_key,
        CAST(study.study_at AS DATE) AS study_date,
        died,
        death_date - study_date AS death_days,
        death_from - study_date AS death_days_from,
        death_to - study_date AS death_days_to,
        CASE
            WHEN $follow_up = 'registry' THEN end_day
            ELSE greatest(contact_day, nullif(last_study_day, study_date))
        END - study_date AS alive_days,
        end_day - study_date AS window_days,
        quarantined,
        -- R2 condemns the patient: the death or the number is wrong, for the other studies too.
        coalesce(death_to < last_study_day, false) AS died_before_one
    FROM study
    JOIN fate USING (patient_key)
),
labelled AS (
    SELECT
        *,
        CASE
            WHEN study_date IS NULL THEN 'EXCL_NO_STUDY_DATE'
            WHEN death_days_to < 0 THEN 'EXCL_DEATH_BEFORE_STUDY'
            WHEN quarantined = 'CONTACT_AFTER_DEATH' THEN 'EXCL_CONTACT_AFTER_DEATH'
            WHEN quarantined IS NOT NULL OR died_before_one THEN 'EXCL_PATIENT_QUARANTINED'
            WHEN died AND death_days IS NULL THEN 'EXCL_DEATH_DATE_UNKNOWN'
            WHEN $require_full_window AND window_days < $horizon_days THEN 'EXCL_INCOMPLETE_WINDOW'
            WHEN died AND (death_days_from < 0 OR (death_days_from <= $horizon_days) <> (death_days_to <= $horizon_days))
                THEN 'EXCL_DEATH_DATE_UNCERTAIN'
            WHEN died THEN NULL
            WHEN alive_days IS NULL THEN 'EXCL_NO_FOLLOWUP'
            WHEN alive_days < 0 THEN 'EXCL_FOLLOWUP_BEFORE_STUDY'
            WHEN alive_days < $horizon_days THEN 'EXCL_CENSORED_LT_1Y'
        END AS reason
    FROM judged
)
SELECT
    study_key,
    patient_key,
    coalesce(death_days, alive_days) AS days,
    CASE WHEN coalesce(death_days, alive_days) IS NOT NULL THEN death_days IS NOT NULL END AS event,
    CASE
        WHEN reason IS NOT NULL THEN NULL
        WHEN died AND death_days_to <= $horizon_days THEN 1
        ELSE 0
    END AS label,
    reason
FROM labelled
ORDER BY study_key;

-- The cohort's own steps (above 20) are not ours to delete.
DELETE FROM attrition WHERE step <= 20;
INSERT INTO attrition
SELECT 0, 'STUDIES', count(*), count(DISTINCT patient_key) FROM study
UNION ALL
SELECT step, rule.reason, count(study_key), count(DISTINCT patient_key)
FROM rule
LEFT JOIN outcome ON outcome.reason = rule.reason
GROUP BY step, rule.reason
UNION ALL
SELECT 20, 'LABELLED', count(*), count(DISTINCT patient_key) FROM outcome WHERE label IS NOT NULL
ORDER BY ALL;

DROP TABLE patient_offset;
DROP TABLE data_end;
DROP TABLE fate;
