-- Coded diagnoses: codes in upper case without a dot, one name for each vocabulary. Text that does not have the form of
-- a code may be prose, and is dropped. National editions of ICD-10 (-CM, -GM, -AM, -CA and others, with or without
-- the year) share the categories of the WHO's, by which the groups of diagnoses read them; all count as ICD10CM. What
-- follows a code is no part of it: the signs + * ! of a pair of codes, the dash of a category (I50.-), and the German letter of
-- certainty (I63.9 G), after which one of the side may stand: A excludes the diagnosis, V suspects it.
CREATE OR REPLACE TEMP VIEW checked_diagnosis AS
WITH read_row AS (
    SELECT
        patient_id,
        regexp_replace(upper(as_text(vocabulary)), '[^A-Z0-9]', '', 'g') AS raw_vocabulary,
        upper(as_text(code)) AS written,
        recorded_at,
        as_moment(recorded_at) AS moment
    FROM source_diagnosis
),
named_row AS (
    SELECT
        *,
        CASE
            WHEN regexp_full_match(raw_vocabulary, 'ICD10(CM|WHO|GM|AM|CA|NL|UK|SE|FR)?((19|20)\d\d)?') THEN 'ICD10CM'
            WHEN raw_vocabulary IN ('ICD9CM', 'ICD9') THEN 'ICD9CM'
            ELSE raw_vocabulary
        END AS vocabulary,
        CASE
            WHEN starts_with(raw_vocabulary, 'ICD10GM') OR NOT starts_with(raw_vocabulary, 'ICD10CM') AND contains(written, ' ')
                THEN nullif(regexp_extract(written, '^[A-Z]\d\d[.+*!†0-9-]* ?([AGVZ])( ?[RLB])?$', 1), '')
        END AS certainty,
        moment_fault(recorded_at, moment) AS fault
    FROM read_row
),
coded_row AS (
    SELECT *, if(certainty IS NULL, written, regexp_extract(written, '^[A-Z][^ A-Z]*')) AS without_certainty
    FROM named_row
),
source_row AS (
    SELECT *, nullif(trim(rtrim(without_certainty, ' .+*!†-'), ' .'), '') AS raw_code, replace(raw_code, '.', '') AS code
    FROM coded_row
)
SELECT
    person.patient_key,
    vocabulary,
    raw_code,
    code,
    moment - to_days(shift) AS recorded_at,
    CASE
        WHEN source_row.patient_id IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN person.patient_key IS NULL THEN 'UNKNOWN_PATIENT'
        WHEN code IS NULL THEN 'MISSING_CODE'
        WHEN vocabulary IS NULL OR vocabulary NOT IN ('ICD10CM', 'ICD9CM') THEN 'UNKNOWN_VOCABULARY'
        WHEN vocabulary = 'ICD10CM' AND NOT regexp_full_match(raw_code, '[A-Z]\d[A-Z0-9](\.?[A-Z0-9]{1,4})?') THEN 'NOT_A_CODE'
        WHEN vocabulary = 'ICD9CM' AND NOT regexp_full_match(raw_code, '(\d{3}|V\d{2})(\.?\d{1,2})?|E\d{3}(\.?\d)?')
            THEN 'NOT_A_CODE'
        WHEN certainty = 'A' THEN 'CONDITION_REFUTED'
        WHEN certainty = 'V' THEN 'CONDITION_NOT_CONFIRMED'
        ELSE fault
    END AS reason
FROM source_row
LEFT JOIN person USING (patient_id);

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, count(*) AS rows, min(patient_key) AS example
FROM checked_diagnosis
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT reason, rows, example
FROM tally
WHERE false;

DELETE FROM diagnosis;
INSERT INTO diagnosis
SELECT DISTINCT patient_key, vocabulary, code, recorded_at
FROM checked_diagnosis
WHERE reason IS NULL;
