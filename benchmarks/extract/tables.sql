-- A canonical extract of any size, drawn by hashes: the same on every machine. Every patient has a life (a death for three
-- in ten), and studies, contacts and values lie inside it.
CREATE OR REPLACE MACRO drawn(purpose, number) AS CAST(hash(purpose || '|' || number) AS DOUBLE) / 18446744073709551616.0;

CREATE TABLE life AS
SELECT
    number,
    'P' || number AS patient_id,
    DATE '1925-01-01' + CAST(drawn('birth', number) * 20000 AS INTEGER) AS birth_date,
    CASE WHEN drawn('dies', number) < 0.3 THEN DATE '2010-01-01' + CAST(drawn('death', number) * 3650 AS INTEGER) END
        AS death_date,
    DATE '2008-01-01' AS first_day,
    coalesce(death_date, DATE '2020-12-31') AS last_day
FROM range($patients) AS patients (number);

CREATE TABLE patient AS
SELECT
    patient_id,
    birth_date,
    CASE WHEN drawn('sex', number) < 0.5 THEN 'F' ELSE 'M' END AS sex,
    'White' AS race
FROM life;

-- One death in twenty has a second statement, some days later.
CREATE TABLE death AS
SELECT patient_id, death_date, 'registry' AS source FROM life WHERE death_date IS NOT NULL
UNION ALL
SELECT patient_id, death_date + 3, 'record' FROM life WHERE death_date IS NOT NULL AND drawn('twice', number) < 0.05;

CREATE TABLE drawn_study AS
SELECT
    study.number,
    'S' || study.number AS study_id,
    patient_id,
    CAST(first_day AS TIMESTAMP)
        + to_minutes(CAST(drawn('study', study.number) * (last_day - first_day) * 1440 AS BIGINT)) AS study_at
FROM (
    SELECT number, CAST(floor(drawn('study of', number) * $patients) AS BIGINT) AS owner
    FROM range($studies) AS studies (number)
) AS study
JOIN life ON life.number = study.owner;

CREATE TABLE study AS
SELECT study_id, patient_id, study_at, 'outpatient' AS setting
FROM drawn_study;

CREATE TABLE contact AS
SELECT
    patient_id,
    CAST(first_day AS TIMESTAMP)
        + to_minutes(CAST(drawn('contact', contact.number) * (last_day - first_day) * 1440 AS BIGINT)) AS contact_at,
    'visit' AS kind
FROM (
    SELECT number, CAST(floor(drawn('contact of', number) * $patients) AS BIGINT) AS owner
    FROM range($contacts) AS contacts (number)
) AS contact
JOIN life ON life.number = contact.owner;

-- Two values in five are measured in an echo; one in a hundred is outside its limits, one in two hundred has no unit.
CREATE TABLE numbered AS
SELECT
    row_number() OVER (PARTITION BY window_days = 0 ORDER BY name) - 1 AS place,
    count(*) OVER (PARTITION BY window_days = 0) AS places,
    window_days = 0 AS in_echo,
    name,
    unit,
    low,
    high
FROM measured;

CREATE TABLE measurement AS
WITH value AS (
    SELECT
        number,
        drawn('in echo', number) < 0.4 AS in_echo,
        CAST(floor(drawn('value of', number) * $studies) AS BIGINT) AS owner,
        drawn('variable', number) AS variable,
        drawn('value', number) AS value,
        drawn('before', number) AS before,
        drawn('dirt', number) AS dirt
    FROM range($measurements) AS numbers (number)
)
SELECT
    patient_id,
    CASE WHEN value.in_echo THEN study_id END AS study_id,
    name AS variable,
    CASE WHEN dirt < 0.01 THEN high * 10 ELSE low + (high - low) * value.value END AS value,
    CASE WHEN dirt > 0.995 THEN '' ELSE unit END AS unit,
    CASE WHEN value.in_echo THEN study_at ELSE study_at - to_minutes(CAST((before - 0.1) * 500000 AS BIGINT)) END
        AS measured_at
FROM value
JOIN drawn_study ON drawn_study.number = value.owner
JOIN numbered ON numbered.in_echo = value.in_echo AND numbered.place = CAST(floor(value.variable * places) AS BIGINT);

CREATE TABLE diagnosis AS
SELECT
    patient_id,
    'ICD10CM' AS vocabulary,
    printf('I%02d.%d', CAST(floor(drawn('code', number) * 99) AS INTEGER), number % 10) AS code,
    study_at - to_days(CAST((drawn('recorded', number) - 0.1) * 1000 AS INTEGER)) AS recorded_at
FROM drawn_study;

CREATE TABLE medication AS
SELECT
    patient_id,
    'statin' AS drug_class,
    20 AS dose,
    'mg/d' AS unit,
    CAST(study_at AS DATE) - 400 AS started_at,
    NULL::DATE AS ended_at
FROM drawn_study
WHERE number % 3 = 0;
