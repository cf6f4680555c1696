-- Mortality of every study within each of the days $horizons, or the one reason why it has no label (docs/outcome.md; rules
-- R0 to R6). Table outcome is that of the main one, $horizon_days, which is among them.
-- `patient_offset` (patient_key, shift) gives the days from a patient's shifted dates to the true ones; it is empty if
-- dates are not shifted. It is dropped at the end of this file: stored next to shifted dates, it would reveal the true
-- dates. `attrition_step` comes from definitions/attrition_step.sql.

-- Each patient's last contact, last echo and number of echoes.
CREATE OR REPLACE TEMP TABLE last_contact AS
SELECT patient_key, CAST(max(contact_at) AS DATE) AS day
FROM contact
GROUP BY patient_key;

CREATE OR REPLACE TEMP TABLE last_study AS
SELECT patient_key, CAST(max(study_at) AS DATE) AS day, count(*) AS studies
FROM study
GROUP BY patient_key;

-- The end of the data: the robust end of what was recorded (definitions/recorded_end.sql). In a patient's shifted dates it
-- is `shift` days earlier.
CREATE OR REPLACE TEMP TABLE data_end AS
SELECT
    CASE
        -- The source moved each patient's dates by another offset: there is no common last day.
        WHEN is_own THEN NULL
        WHEN $follow_up = 'registry' THEN CAST($registry_complete_through AS DATE)
        ELSE recorded_end.true_day
    END AS true_day,
    -- A record that the end does not follow, because it is alone, still is evidence on its own patient.
    CASE WHEN NOT is_own AND $follow_up <> 'registry' THEN busy_day END AS own_true_day,
    CASE WHEN NOT is_own AND $follow_up <> 'registry' THEN lone_days END AS lone_days
FROM (SELECT coalesce(bool_or(calendar = 'own'), false) AS is_own FROM staging)
LEFT JOIN recorded_end ON true;

DELETE FROM late_record;
INSERT INTO late_record
SELECT count(*), max(recorded_day.true_day) - any_value(data_end.true_day), (SELECT lone_days FROM data_end)
FROM recorded_day
JOIN data_end ON $follow_up <> 'registry' AND recorded_day.true_day > data_end.true_day;

-- Partial dates of death, as the days that they leave. The person was alive on the last day within them with a contact or an
-- echo, so that the death is not before it. (Staging ends them with the extract.)
CREATE OR REPLACE TEMP TABLE partial_death AS
WITH partial AS (
    -- A partial date that agrees with an exact date adds nothing, and is left out.
    FROM (FROM death WHERE precision IN ('month', 'year')) AS partial
    ANTI JOIN (FROM death WHERE precision = 'day') AS exact
        ON exact.patient_key = partial.patient_key
        AND exact.death_date BETWEEN partial.death_date - 7 AND partial.latest_date + 7
),
seen AS (
    SELECT patient_key, CAST(contact_at AS DATE) AS day FROM contact SEMI JOIN partial USING (patient_key)
    UNION
    SELECT patient_key, CAST(study_at AS DATE) FROM study SEMI JOIN partial USING (patient_key)
)
SELECT
    partial.patient_key,
    source,
    precision,
    coalesce(max(day), death_date) AS death_from,
    latest_date AS death_to
FROM partial
LEFT JOIN seen ON seen.patient_key = partial.patient_key AND day BETWEEN death_date AND latest_date
GROUP BY partial.patient_key, source, precision, death_date, latest_date;

-- One death for each patient. Exact statements within 7 days agree: the day of the most reliable source is used. Statements
-- further apart give an interval from the first to the last day, and so do partial dates; those that overlap agree on
-- the days that all of them leave. A label then needs the same result for every day of the interval. The day that is used
-- for the length of follow-up is that of the most reliable statement: the middle of a partial one.
CREATE OR REPLACE TEMP VIEW patient_death AS
WITH agreed AS (
    SELECT patient_key, max(death_from) AS death_from, min(death_to) AS death_to
    FROM partial_death
    GROUP BY patient_key
),
candidate AS (
    SELECT patient_key, source, precision, death_date AS death_from, death_date AS death_to, died_at
    FROM death
    WHERE precision = 'day'
    UNION ALL
    SELECT
        patient_key,
        source,
        precision,
        CASE WHEN agreed.death_from <= agreed.death_to THEN agreed.death_from ELSE partial_death.death_from END,
        CASE WHEN agreed.death_from <= agreed.death_to THEN agreed.death_to ELSE partial_death.death_to END,
        NULL
    FROM partial_death
    JOIN agreed USING (patient_key)
),
known AS (
    SELECT
        patient_key,
        min(death_from) AS earliest,
        max(death_to) AS latest,
        arg_min(
            middle_day(death_from, death_to),
            (
                CASE source WHEN 'registry' THEN 1 WHEN 'hospital' THEN 2 WHEN 'record' THEN 3 ELSE 4 END,
                precision <> 'day',
                death_from
            )
        ) AS best,
        bool_and(precision = 'day') AND latest - earliest <= 7 AS is_exact,
        max(died_at) AS last_time
    FROM candidate
    GROUP BY patient_key
)
SELECT
    patient_key,
    best AS death_date,
    CASE WHEN is_exact THEN best ELSE earliest END AS death_from,
    CASE WHEN is_exact THEN best ELSE latest END AS death_to,
    -- The time, where the sources that have one do not go beyond the day that is used.
    CASE WHEN is_exact AND CAST(last_time AS DATE) = best THEN last_time END AS died_at
FROM (SELECT DISTINCT patient_key FROM death)
LEFT JOIN known USING (patient_key);

-- One row for each patient with a study: death, last contact, last study and quarantine.
CREATE OR REPLACE TEMP VIEW patient_follow_up AS
SELECT
    last_study.patient_key,
    coalesce(shift, 0) AS shift,
    patient_death.patient_key IS NOT NULL AS died,
    death_date,
    death_from,
    death_to,
    died_at,
    last_contact.day AS contact_day,
    last_study.day AS last_study_day,
    quarantine.reason AS quarantined
FROM last_study
LEFT JOIN patient_death USING (patient_key)
LEFT JOIN last_contact USING (patient_key)
LEFT JOIN (SELECT patient_key, min(reason) AS reason FROM quarantine GROUP BY patient_key) AS quarantine
    USING (patient_key)
LEFT JOIN patient_offset USING (patient_key);

DELETE FROM outcome_rule;
INSERT INTO outcome_rule VALUES ($horizon_days, $follow_up, $require_full_window);

CREATE OR REPLACE TEMP TABLE judged AS
-- Whole calendar days (R0): dates are cast before they are subtracted. A later echo of the same patient is evidence of
-- life; the study itself is not.
WITH observed AS (
    -- In registry mode, deaths after the day to which the registry is complete are censored there: of other patients,
    -- nothing is known after that day.
    SELECT
        *,
        true_day - shift AS end_day,
        own_true_day - shift AS own_end_day,
        $follow_up = 'registry' AND coalesce(death_from > true_day - shift, false) AS died_late
    FROM patient_follow_up
    CROSS JOIN data_end
),
study_days AS (
    SELECT
        study.study_key,
        study.patient_key,
        CAST(study.study_at AS DATE) AS study_date,
        died_late AND coalesce(death_to >= study_date, true) AS died_after_end,
        died AND NOT died_after_end AS died,
        CASE WHEN NOT died_after_end THEN death_date - study_date END AS death_days,
        CASE WHEN NOT died_after_end THEN death_from - study_date END AS death_days_from,
        CASE WHEN NOT died_after_end THEN death_to - study_date END AS death_days_to,
        CASE
            WHEN $follow_up = 'registry' THEN end_day
            ELSE greatest(contact_day, nullif(last_study_day, study_date))
        END - study_date AS alive_days,
        end_day - study_date AS end_days,
        CASE
            WHEN $follow_up <> 'registry' THEN greatest(contact_day, nullif(last_study_day, study_date), death_from)
        END AS own_day,
        -- The window is complete too for whom a record after the end, which is alone there, says that it is.
        CASE WHEN own_day <= own_end_day THEN greatest(end_days, own_day - study_date) ELSE end_days END AS window_days,
        -- An echo of the day of death, after its time (of an organ donor, say).
        coalesce(
            has_time(study.study_at) AND CAST(died_at AS DATE) = study_date AND study.study_at > died_at, false
        ) AS after_the_time_of_death,
        -- A death known by its month or year, of which some days are censored at the end of the registry and some are not.
        coalesce($follow_up = 'registry' AND NOT died_late AND death_to > end_day, false) AS died_around_end,
        quarantined,
        -- R2 excludes all studies of the patient, if the echo is too late for a donor's: the death or the record number is
        -- wrong.
        coalesce(death_to + $study_grace_days < last_study_day, false) AS died_before_a_study
    FROM study
    JOIN observed USING (patient_key)
),
-- The reasons in the order of `attrition_step`: the first that applies is the study's reason.
labelled AS (
    SELECT
        *,
        CASE
            WHEN study_date IS NULL THEN 'EXCL_NO_STUDY_DATE'
            WHEN death_days_to < 0 OR after_the_time_of_death THEN 'EXCL_DEATH_BEFORE_STUDY'
            WHEN quarantined = 'CONTACT_AFTER_DEATH' THEN 'EXCL_CONTACT_AFTER_DEATH'
            WHEN quarantined IS NOT NULL OR died_before_a_study THEN 'EXCL_PATIENT_QUARANTINED'
            WHEN died AND death_days IS NULL THEN 'EXCL_DEATH_DATE_UNKNOWN'
            WHEN $require_full_window AND window_days < horizon_days THEN 'EXCL_INCOMPLETE_WINDOW'
            WHEN died
                AND (
                    death_days_from < 0
                    OR (death_days_from <= horizon_days) <> (death_days_to <= horizon_days)
                    OR (died_around_end AND end_days < horizon_days)
                )
                THEN 'EXCL_DEATH_DATE_UNCERTAIN'
            WHEN died THEN NULL
            WHEN alive_days IS NULL THEN 'EXCL_NO_FOLLOWUP'
            WHEN alive_days < 0 THEN 'EXCL_FOLLOWUP_BEFORE_STUDY'
            WHEN alive_days < horizon_days THEN 'EXCL_CENSORED_LT_1Y'
        END AS reason
    FROM study_days
    CROSS JOIN (SELECT CAST(unnest($horizons) AS INTEGER) AS horizon_days) AS horizon
)
SELECT
    study_key,
    patient_key,
    horizon_days,
    coalesce(death_days, alive_days) AS days,
    CASE WHEN coalesce(death_days, alive_days) IS NOT NULL THEN death_days IS NOT NULL END AS event,
    CASE
        WHEN reason IS NOT NULL THEN NULL
        WHEN died AND death_days_to <= horizon_days THEN 1
        ELSE 0
    END AS label,
    reason
FROM labelled;

DELETE FROM outcome_at_horizon;
INSERT INTO outcome_at_horizon BY NAME
SELECT * EXCLUDE (days, event)
FROM judged
ORDER BY horizon_days, study_key;

DELETE FROM outcome;
INSERT INTO outcome BY NAME
SELECT * EXCLUDE (horizon_days)
FROM judged
WHERE horizon_days = $horizon_days;

-- The steps that cohort.sql counts stay.
DELETE FROM attrition WHERE step NOT IN (SELECT step FROM attrition_step WHERE decided_by = 'cohort');
INSERT INTO attrition
WITH excluded AS (
    SELECT reason, patient_key, count(*) AS studies
    FROM outcome
    WHERE reason IS NOT NULL
    GROUP BY ALL
),
-- Patients all of whose studies are excluded.
unlabelled AS (
    SELECT patient_key
    FROM excluded
    JOIN last_study USING (patient_key)
    GROUP BY patient_key, last_study.studies
    HAVING sum(excluded.studies) = last_study.studies
)
SELECT step, reason, (SELECT count(*) FROM study), (SELECT count(*) FROM last_study)
FROM attrition_step
WHERE reason = 'STUDIES'
UNION ALL
SELECT step, reason, coalesce(sum(studies), 0), count(patient_key)
FROM attrition_step
LEFT JOIN excluded USING (reason)
WHERE decided_by = 'outcome' AND starts_with(reason, 'EXCL_')
GROUP BY ALL
UNION ALL
SELECT
    step,
    reason,
    (SELECT count(label) FROM outcome),
    (SELECT count(*) FROM last_study) - (SELECT count(*) FROM unlabelled)
FROM attrition_step
WHERE reason = 'LABELLED'
ORDER BY ALL;

DROP VIEW recorded_day;
DROP TABLE recorded_end;
DROP TABLE data_end;
DROP TABLE judged;
DROP TABLE patient_offset;
DROP VIEW patient_follow_up;
DROP VIEW patient_death;
DROP TABLE partial_death;
