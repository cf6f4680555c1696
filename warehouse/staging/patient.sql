-- Persons: all record numbers of one person become one row. Two birth dates or two sexes mean that a number was reused
-- or that a merge was wrong: the patient is quarantined. A birth of which only the year or the month is known is an
-- interval (definitions/partial_date.sql): it agrees with every date within it, and its middle is the birth date.
CREATE OR REPLACE TEMP TABLE checked_patient AS
WITH read_row AS (
    SELECT
        patient_id,
        birth_date,
        date_precision(birth_date) AS precision,
        as_text(sex) AS raw_sex,
        as_text(race) AS raw_race
    FROM source_patient
),
born_row AS (
    SELECT *, earliest_of(birth_date, precision) AS birth
    FROM read_row
),
source_row AS (
    SELECT
        patient_id,
        birth,
        latest_day(precision, birth) AS last_birth,
        moment_fault(birth_date, birth) AS fault,
        raw_sex,
        raw_race,
        race_of(raw_race) AS race,
        row_number() OVER (PARTITION BY patient_id, birth, last_birth, raw_sex, raw_race) AS copy
    FROM born_row
)
SELECT
    person.patient_key,
    person.patient_id,
    CASE WHEN fault IS NULL THEN CAST(birth AS DATE) - person.shift END AS first_day,
    CASE WHEN fault IS NULL THEN last_birth - person.shift END AS last_day,
    CASE WHEN fault <> 'MISSING_DATE' THEN fault END AS fault,
    CASE
        WHEN upper(raw_sex) IN ('F', 'FEMALE', 'W', 'WOMAN') THEN 'F'
        WHEN upper(raw_sex) IN ('M', 'MALE', 'MAN') THEN 'M'
    END AS sex,
    raw_sex,
    race,
    raw_race,
    CASE
        WHEN person.patient_key IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN copy > 1 THEN 'EXACT_DUPLICATE'
        WHEN row_number() OVER (PARTITION BY person.patient_key, copy ORDER BY person.patient_id, birth, last_birth, raw_sex, raw_race) > 1
            THEN 'MERGED_INTO_ANOTHER_ROW'
    END AS reason
FROM source_row
LEFT JOIN person USING (patient_id);

CREATE OR REPLACE TEMP TABLE checked_person AS
SELECT
    patient_key,
    max(first_day) AS first_day,
    min(last_day) AS last_day,
    min(sex) AS sex,
    min(race) AS race,
    max(first_day) > min(last_day) AS births_differ,
    count(DISTINCT sex) AS sexes,
    count(DISTINCT race) AS races
FROM checked_patient
WHERE patient_key IS NOT NULL
GROUP BY patient_key;

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, count(*) AS rows, min(patient_key) AS example
FROM checked_patient
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT fault AS reason, count(*) AS rows, min(patient_key) AS example
FROM checked_patient
WHERE fault IS NOT NULL AND patient_key IS NOT NULL
GROUP BY fault
UNION ALL
SELECT 'UNKNOWN_SEX', count(*), min(patient_key)
FROM checked_patient
WHERE sex IS NULL AND raw_sex IS NOT NULL AND patient_key IS NOT NULL
UNION ALL
SELECT 'UNKNOWN_RACE', count(*), min(patient_key)
FROM checked_patient
WHERE race = 'other' AND NOT says_other(raw_race) AND patient_key IS NOT NULL
UNION ALL
SELECT 'TWO_RACES', count(*), min(patient_key)
FROM checked_person
WHERE races > 1;

INSERT INTO quarantine
SELECT patient_key, 'TWO_BIRTH_DATES' FROM checked_person WHERE births_differ
UNION ALL
SELECT patient_key, 'TWO_SEXES' FROM checked_person WHERE sexes > 1;

DELETE FROM patient;
INSERT INTO patient
SELECT
    patient_key,
    CASE WHEN NOT births_differ THEN middle_day(first_day, last_day) END,
    CASE WHEN sexes = 1 THEN sex END,
    CASE WHEN races = 1 THEN race END
FROM checked_person
ORDER BY patient_key;

-- The days that each birth may have been on, for the rules of deaths and studies.
CREATE OR REPLACE TEMP TABLE birth AS
SELECT patient_key, first_day, last_day
FROM checked_person
WHERE NOT births_differ;

INSERT INTO conflict
SELECT 'patient', 'PARTIAL_DATE', count(*), 'noted', min(patient_key)
FROM birth
WHERE first_day < last_day
HAVING count(*) > 0;

DELETE FROM patient_alias;
INSERT INTO patient_alias
SELECT alias_key, patient_key
FROM person
ORDER BY ALL;

-- From here on, `person` holds only the record numbers of staged patients.
DELETE FROM person WHERE patient_key NOT IN (SELECT patient_key FROM patient);

CREATE OR REPLACE TEMP TABLE known_person AS
SELECT DISTINCT person_no, patient_key
FROM person;
