-- Staged tables of any size for the linkage alone: true dates, keys as pseudonyms are (32 hexadecimal digits), a patient's
-- rows together as staging leaves them ($together) or in no order.
CREATE OR REPLACE TEMP MACRO drawn(purpose, number) AS
    CAST(hash(purpose || '|' || number) AS DOUBLE) / 18446744073709551616.0;

CREATE TEMP TABLE life AS
SELECT
    number,
    md5('patient' || number) AS patient_key,
    CASE WHEN drawn('dies', number) < 0.3 THEN DATE '2010-01-01' + CAST(drawn('death', number) * 3650 AS INTEGER) END
        AS death_date,
    DATE '2008-01-01' + CAST(drawn('first', number) * 700 AS INTEGER) AS first_day,
    coalesce(death_date, DATE '2020-12-31' - CAST(drawn('last', number) * 2000 AS INTEGER)) AS last_day
FROM range($patients) AS patients (number);

INSERT INTO patient SELECT patient_key, DATE '1950-01-01', 'F', NULL FROM life ORDER BY patient_key;
INSERT INTO death BY NAME
SELECT patient_key, death_date, 'day' AS precision, 'registry' AS source, death_date AS latest_date
FROM life
WHERE death_date IS NOT NULL
ORDER BY patient_key;

INSERT INTO study
SELECT
    md5('study' || study.number) AS study_key,
    patient_key,
    CAST(first_day AS TIMESTAMP)
        + to_minutes(CAST(drawn('study', study.number) * (last_day - first_day) * 1440 AS BIGINT)) AS study_at,
    year(study_at),
    'outpatient',
    'US'
FROM (SELECT number, CAST(floor(drawn('study of', number) * $patients) AS BIGINT) AS owner FROM range($studies) AS s (number))
    AS study
JOIN life ON life.number = study.owner
ORDER BY CASE WHEN $together THEN patient_key ELSE md5('study' || study.number) END, study_at;

INSERT INTO contact
SELECT
    patient_key,
    CAST(first_day AS TIMESTAMP)
        + to_minutes(CAST(drawn('contact', contact.number) * (last_day - first_day) * 1440 AS BIGINT)) AS contact_at,
    'visit'
FROM (
    SELECT number, CAST(floor(drawn('contact of', number) * $patients) AS BIGINT) AS owner FROM range($contacts) AS c (number)
) AS contact
JOIN life ON life.number = contact.owner
ORDER BY CASE WHEN $together THEN patient_key ELSE md5('any' || contact.number) END, contact_at;

INSERT INTO staging VALUES ('benchmark', 'kept', '', 'true');
