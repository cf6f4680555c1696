-- Persons: the record numbers of one person become one row. Two birth dates or two sexes mean that a number was reused
-- or a merge was wrong, so the patient is quarantined.
CREATE OR REPLACE TEMP TABLE judged_patient AS
SELECT
    person.patient_key,
    person.patient_id,
    CASE WHEN fault IS NULL THEN CAST(birth AS DATE) - person.shift END AS birth_date,
    CASE WHEN fault <> 'MISSING_DATE' THEN fault END AS fault,
    CASE
        WHEN upper(said_sex) IN ('F', 'FEMALE', 'W', 'WOMAN') THEN 'F'
        WHEN upper(said_sex) IN ('M', 'MALE', 'MAN') THEN 'M'
    END AS sex,
    said_sex,
    race,
    said_race,
    CASE
        WHEN person.patient_key IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN copy > 1 THEN 'EXACT_DUPLICATE'
        WHEN row_number() OVER (PARTITION BY person.patient_key, copy ORDER BY person.patient_id, birth, said_sex, said_race) > 1
            THEN 'MERGED_INTO_ANOTHER_ROW'
    END AS reason
FROM (
    SELECT
        as_text(patient_id) AS patient_id,
        as_moment(birth_date) AS birth,
        moment_fault(birth_date, as_moment(birth_date)) AS fault,
        as_text(sex) AS said_sex,
        as_text(race) AS said_race,
        -- A site's words for race are many: the first that fits, and of somebody who is two things, the first that
        -- the Pooled Cohort Equations ask about.
        regexp_replace(lower(said_race), 'no[nt][ -]?hispanic( or latino)?', '') AS spoken_race,
        CASE
            WHEN regexp_matches(spoken_race, 'unknown|declined|unable|not obtained|refused|not reported|no information') THEN NULL
            WHEN regexp_matches(spoken_race, 'black|african') THEN 'black'
            WHEN regexp_matches(spoken_race, 'hispanic|latin') THEN 'hispanic'
            WHEN regexp_matches(spoken_race, 'pacific|hawaii') THEN 'pacific'
            WHEN regexp_matches(spoken_race, 'american indian|alaska|native|indigenous') THEN 'native'
            WHEN regexp_matches(spoken_race, 'white|caucasian|european') THEN 'white'
            WHEN regexp_matches(
                spoken_race,
                'asian|chin|japan|korea|vietnam|filipin|indian|pakistan|bangladesh|thai|cambodia|hmong|laot|nepal|lanka|taiwan'
            )
                THEN 'asian'
            WHEN said_race IS NOT NULL THEN 'other'
        END AS race,
        row_number() OVER (PARTITION BY as_text(patient_id), birth, said_sex, said_race) AS copy
    FROM source_patient
) AS said
LEFT JOIN person USING (patient_id);

CREATE OR REPLACE TEMP TABLE judged_person AS
SELECT
    patient_key,
    min(birth_date) AS birth_date,
    min(sex) AS sex,
    min(race) AS race,
    count(DISTINCT birth_date) AS births,
    count(DISTINCT sex) AS sexes,
    count(DISTINCT race) AS races
FROM judged_patient
WHERE patient_key IS NOT NULL
GROUP BY patient_key;

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, count(*) AS rows, min(patient_key) AS example
FROM judged_patient
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT fault AS reason, count(*) AS rows, min(patient_key) AS example
FROM judged_patient
WHERE fault IS NOT NULL AND patient_key IS NOT NULL
GROUP BY fault
UNION ALL
SELECT 'UNKNOWN_SEX', count(*), min(patient_key)
FROM judged_patient
WHERE sex IS NULL AND said_sex IS NOT NULL AND patient_key IS NOT NULL
UNION ALL
SELECT 'UNKNOWN_RACE', count(*), min(patient_key)
FROM judged_patient
WHERE race = 'other' AND NOT regexp_matches(lower(said_race), 'other|multi|mixed|two or more') AND patient_key IS NOT NULL
UNION ALL
SELECT 'TWO_RACES', count(*), min(patient_key)
FROM judged_person
WHERE races > 1;

INSERT INTO quarantine
SELECT patient_key, 'TWO_BIRTH_DATES' FROM judged_person WHERE births > 1
UNION ALL
SELECT patient_key, 'TWO_SEXES' FROM judged_person WHERE sexes > 1;

DELETE FROM patient;
INSERT INTO patient
SELECT
    patient_key,
    CASE WHEN births = 1 THEN birth_date END,
    CASE WHEN sexes = 1 THEN sex END,
    CASE WHEN races = 1 THEN race END
FROM judged_person
ORDER BY patient_key;

DELETE FROM patient_alias;
INSERT INTO patient_alias
SELECT alias_key, patient_key
FROM person
ORDER BY ALL;

-- From here on only numbers of known patients find a person.
DELETE FROM person WHERE patient_key NOT IN (SELECT patient_key FROM patient);

CREATE OR REPLACE TEMP TABLE known_person AS
SELECT DISTINCT person_no, patient_key
FROM person;
