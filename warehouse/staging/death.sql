-- Statements of death. '2017-05' and '2017' are intervals. A date that can't be true is staged as 'dead, date unknown',
-- so that the patient is never labelled a survivor. Of two times on one day the later one is kept.
CREATE OR REPLACE TEMP TABLE checked_death AS
WITH read_row AS (
    SELECT
        patient_id,
        death_date,
        lower(as_text(source)) AS raw_source,
        date_precision(death_date) AS precision
    FROM source_death
),
begun_row AS (
    SELECT *, earliest_of(death_date, precision) AS earliest
    FROM read_row
),
source_row AS (
    SELECT *, moment_fault(death_date, earliest) AS fault
    FROM begun_row
),
dated AS (
    SELECT
        patient_key,
        source_row.patient_id,
        coalesce(fault, 'DATED') AS fault,
        CASE WHEN fault IS NULL THEN precision ELSE 'unknown' END AS precision,
        CASE
            WHEN regexp_matches(raw_source, 'regist|state|ssa|social|national|index|certificate') THEN 'registry'
            WHEN regexp_matches(raw_source, 'hospital|discharge|inpatient|disposition') THEN 'hospital'
            WHEN regexp_matches(raw_source, 'record|ehr|emr|flag|chart') THEN 'record'
            ELSE 'unknown'
        END AS source,
        CASE WHEN fault IS NULL THEN CAST(earliest AS DATE) - shift END AS death_date,
        CASE WHEN fault IS NULL THEN latest_day(precision, earliest) - shift END AS latest_date,
        CASE WHEN fault IS NULL AND has_time(earliest) THEN earliest - to_days(shift) END AS died_at
    FROM source_row
    LEFT JOIN person USING (patient_id)
)
SELECT
    dated.*,
    CASE
        WHEN patient_id IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN patient_key IS NULL THEN 'UNKNOWN_PATIENT'
        WHEN latest_date < birth.first_day THEN 'DEATH_BEFORE_BIRTH'
    END AS reason
FROM dated
LEFT JOIN birth USING (patient_key);

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, count(*) AS rows, min(patient_key) AS example
FROM checked_death
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT fault AS reason, count(*) AS rows, min(patient_key) AS example
FROM checked_death
WHERE reason IS NULL AND fault <> 'DATED'
GROUP BY fault;

INSERT INTO quarantine
SELECT DISTINCT patient_key, reason
FROM checked_death
WHERE reason = 'DEATH_BEFORE_BIRTH';

DELETE FROM death;
INSERT INTO death
SELECT patient_key, death_date, precision, source, latest_date, max(died_at)
FROM checked_death
WHERE reason IS NULL
GROUP BY ALL
ORDER BY ALL;

-- Several or partial dates of death, which the outcome rules resolve.
INSERT INTO conflict
WITH dated AS (
    SELECT patient_key, max(latest_date) - min(death_date) AS apart
    FROM death
    WHERE precision = 'day'
    GROUP BY patient_key
)
SELECT 'death', 'DEATH_DATES_WITHIN_7_DAYS', count(*), 'noted', min(patient_key)
FROM dated
WHERE apart BETWEEN 1 AND 7
HAVING count(*) > 0
UNION ALL
SELECT 'death', 'DEATH_DATES_FURTHER_APART', count(*), 'noted', min(patient_key)
FROM dated
WHERE apart > 7
HAVING count(*) > 0
UNION ALL
SELECT 'death', 'PARTIAL_DATE', count(*), 'noted', min(patient_key)
FROM death
WHERE precision IN ('month', 'year')
HAVING count(*) > 0;
