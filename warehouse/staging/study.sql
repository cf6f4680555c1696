-- Studies. A study with an unreadable date is staged without a date, so that the attrition table counts it.
CREATE OR REPLACE TEMP TABLE checked_study AS
WITH read_row AS (
    SELECT
        study_id,
        patient_id,
        study_at,
        as_moment(study_at) AS moment,
        lower(as_text(setting)) AS raw_setting,
        CASE WHEN as_text(modality) IS NOT NULL THEN if(upper(as_text(modality)) = 'US', 'US', 'other') END AS modality,
        TRY_CAST(as_text(study_year) AS INTEGER) AS raw_year
    FROM source_study
),
source_row AS (
    SELECT
        *,
        -- No digital echo is older than 1980: such a date is the default of some system.
        coalesce(
            moment_fault(study_at, moment), CASE WHEN moment < TIMESTAMP '1980-01-01' THEN 'IMPLAUSIBLE_DATE' END
        ) AS fault
    FROM read_row
),
keyed AS (
    SELECT
        study_key,
        patient_key,
        study_id,
        patient_id,
        CASE WHEN fault IS NULL THEN moment - to_days(shift) END AS study_at,
        -- A source that moved its dates may still give the true year.
        CASE WHEN fault IS NULL THEN coalesce(raw_year, year(moment)) END AS study_year,
        CASE WHEN raw_setting IS NOT NULL THEN coalesce(known_setting.term, 'other') END AS setting,
        raw_setting,
        raw_setting IS NOT NULL AND known_setting.term IS NULL AS setting_unknown,
        modality,
        fault
    FROM source_row
    LEFT JOIN study_number USING (study_id)
    LEFT JOIN person USING (patient_id)
    LEFT JOIN (FROM vocabulary WHERE field = 'setting') AS known_setting
        ON known_setting.source_word = split_part(raw_setting, ' ', 1)
)
SELECT
    *,
    CASE
        WHEN study_id IS NULL OR patient_id IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN patient_key IS NULL THEN 'UNKNOWN_PATIENT'
        WHEN min(patient_key) OVER same <> max(patient_key) OVER same THEN 'STUDY_OF_TWO_PATIENTS'
        WHEN row_number() OVER (PARTITION BY study_key, patient_key, study_at, setting, modality) > 1 THEN 'EXACT_DUPLICATE'
        WHEN dense_rank() OVER (same ORDER BY study_at NULLS LAST, setting, modality) > 1 THEN 'REPEATED_STUDY'
    END AS reason
FROM keyed
WINDOW same AS (PARTITION BY study_key, patient_key IS NULL);

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, count(*) AS rows, min(patient_key) AS example
FROM checked_study
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT fault AS reason, count(*) AS rows, min(patient_key) AS example
FROM checked_study
WHERE reason IS NULL AND fault IS NOT NULL
GROUP BY fault
UNION ALL
SELECT 'UNKNOWN_SETTING', count(*), min(patient_key)
FROM checked_study
WHERE reason IS NULL AND setting_unknown;

DELETE FROM study;
INSERT INTO study
SELECT study_key, patient_key, study_at, study_year, setting, modality
FROM checked_study
WHERE reason IS NULL
ORDER BY patient_key, study_at, study_key;

INSERT INTO quarantine
SELECT DISTINCT patient_key, 'STUDY_BEFORE_BIRTH'
FROM study
JOIN birth USING (patient_key)
WHERE CAST(study_at AS DATE) < first_day;

-- Who had an echo in the year of birth was born before it.
UPDATE patient
SET birth_date = middle_day(first_day, entered)
FROM birth
JOIN (SELECT patient_key, CAST(min(study_at) AS DATE) AS entered FROM study GROUP BY patient_key) USING (patient_key)
WHERE birth.patient_key = patient.patient_key AND entered BETWEEN first_day AND last_day AND entered < birth_date;

-- All statements of death are before the study, by more days than outcome.study_grace_days allows: the death or the record
-- number is wrong.
INSERT INTO quarantine
SELECT DISTINCT study.patient_key, 'DEATH_BEFORE_STUDY'
FROM study
JOIN (SELECT patient_key, max(latest_date) AS latest_date FROM death GROUP BY patient_key) USING (patient_key)
WHERE latest_date + getvariable('study_grace_days') < CAST(study_at AS DATE);

-- Two studies of a patient at the same time may be one echo with two numbers.
INSERT INTO conflict
SELECT 'study', 'STUDIES_AT_ONE_TIME', CAST(sum(studies) AS BIGINT), 'noted', min(patient_key)
FROM (
    SELECT patient_key, count(*) AS studies
    FROM study
    WHERE study_at <> date_trunc('day', study_at)
    GROUP BY patient_key, study_at
    HAVING count(*) > 1
)
HAVING count(*) > 0;

CREATE OR REPLACE TEMP TABLE known_study AS
SELECT study_id, study_key, patient_key, study_at, CAST(row_number() OVER () AS INTEGER) AS study_no
FROM study
JOIN study_number USING (study_key);
