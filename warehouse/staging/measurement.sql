-- Values of the catalogue's variables. A value without a time gets the time of its study. Without a study too, it is
-- unknown whether it is earlier or later than an echo, and the value is dropped.
CREATE OR REPLACE TEMP TABLE checked_measurement AS
WITH read_row AS (
    SELECT
        patient_id,
        study_id,
        lower(as_text(variable)) AS variable,
        value AS raw_value,
        as_number(value) AS value,
        as_text(unit) AS unit,
        measured_at,
        as_moment(measured_at) AS moment
    FROM source_measurement
),
source_row AS (
    SELECT *, moment_fault(measured_at, moment) AS fault
    FROM read_row
)
SELECT
    person_no,
    study_no,
    source_row.study_id IS NOT NULL AND known_study.study_key IS NULL AS study_unknown,
    known_variable.term AS variable,
    value,
    CASE WHEN unit IS NOT NULL THEN coalesce(known_unit.term, 'other') END AS unit,
    unit IS NOT NULL AND known_unit.term IS NULL AS unit_unknown,
    -- The words that are on no list: null for all others.
    CASE WHEN known_variable.term IS NULL THEN source_row.variable END AS unlisted_variable,
    CASE WHEN known_unit.term IS NULL THEN unit END AS unlisted_unit,
    CASE WHEN fault = 'MISSING_DATE' THEN study_at ELSE moment - to_days(shift) END AS measured_at,
    CASE
        WHEN source_row.patient_id IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN person.patient_key IS NULL THEN 'UNKNOWN_PATIENT'
        WHEN known_study.patient_key <> person.patient_key THEN 'STUDY_OF_ANOTHER_PATIENT'
        WHEN source_row.variable IS NULL THEN 'MISSING_VARIABLE'
        WHEN value IS NULL AND as_text(raw_value) IS NULL THEN 'MISSING_VALUE'
        WHEN value IS NULL OR NOT isfinite(value) THEN 'NOT_A_NUMBER'
        WHEN known_variable.term IS NULL THEN 'UNKNOWN_VARIABLE'
        WHEN NOT value BETWEEN -1e6 AND 1e7 THEN 'IMPLAUSIBLE_VALUE'
        WHEN fault = 'MISSING_DATE' AND study_at IS NOT NULL THEN NULL
        ELSE fault
    END AS reason
FROM source_row
LEFT JOIN person USING (patient_id)
LEFT JOIN known_study ON known_study.study_id = source_row.study_id
LEFT JOIN (FROM vocabulary WHERE field = 'variable') AS known_variable ON known_variable.source_word = source_row.variable
LEFT JOIN (FROM vocabulary WHERE field = 'unit') AS known_unit ON known_unit.source_word = plain_unit(unit);

CREATE OR REPLACE TEMP TABLE reason_groups AS
SELECT reason, study_unknown, unit_unknown, rows, patient_key AS example
FROM (
    SELECT reason, study_unknown, unit_unknown, count(*) AS rows, min(person_no) AS person_no
    FROM checked_measurement
    GROUP BY ALL
)
LEFT JOIN known_person USING (person_no);

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, CAST(sum(rows) AS BIGINT) AS rows, min(example) AS example
FROM reason_groups
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT 'UNKNOWN_STUDY' AS reason, CAST(sum(rows) AS BIGINT) AS rows, min(example) AS example
FROM reason_groups
WHERE reason IS NULL AND study_unknown
UNION ALL
SELECT 'UNKNOWN_UNIT', CAST(sum(rows) AS BIGINT), min(example)
FROM reason_groups
WHERE reason IS NULL AND unit_unknown;

INSERT INTO unlisted
SELECT 'measurement', 'UNKNOWN_VARIABLE', unlisted_variable, count(*)
FROM checked_measurement
WHERE reason = 'UNKNOWN_VARIABLE'
GROUP BY unlisted_variable
UNION ALL
SELECT 'measurement', 'UNKNOWN_UNIT', unlisted_unit, count(*)
FROM checked_measurement
WHERE reason IS NULL AND unit_unknown
GROUP BY unlisted_unit;

DELETE FROM measurement;
INSERT INTO measurement
SELECT known_person.patient_key, study_key, variable, value, unit, measured_at
FROM (
    SELECT DISTINCT person_no, study_no, variable, value, unit, measured_at
    FROM checked_measurement
    WHERE reason IS NULL
    ORDER BY person_no
)
JOIN known_person USING (person_no)
LEFT JOIN known_study USING (study_no);

DROP TABLE checked_measurement;
