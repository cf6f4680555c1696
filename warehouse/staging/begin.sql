-- Macros by which staging judges times from any adapter (definitions/local_time.sql reads them); and the empty tables that it
-- begins with.
SET VARIABLE extracted_on = $extracted_on;
SET VARIABLE contact_grace_days = $contact_grace_days;
SET VARIABLE study_grace_days = $study_grace_days;
CREATE OR REPLACE TEMP MACRO is_sentinel(day) AS
    day IN (DATE '0001-01-01', DATE '1753-01-01', DATE '1900-01-01', DATE '9999-01-01', DATE '9999-12-31');
CREATE OR REPLACE TEMP MACRO moment_fault(x, moment) AS
    CASE
        WHEN moment IS NULL AND as_text(x) IS NULL THEN 'MISSING_DATE'
        WHEN moment IS NULL AND has_offset(x) THEN 'TIME_WITH_OFFSET'
        WHEN moment IS NULL THEN 'UNREADABLE_DATE'
        WHEN is_sentinel(CAST(moment AS DATE)) THEN 'SENTINEL_DATE'
        WHEN CAST(moment AS DATE) > getvariable('extracted_on') THEN 'FUTURE_DATE'
        WHEN moment < TIMESTAMP '1850-01-01' THEN 'IMPLAUSIBLE_DATE'
    END;
-- The words that a column of codes may hold (vocabulary.csv, the catalogue and its units). Any other text may be prose
-- that contains a name, so it never reaches a table.
CREATE OR REPLACE TEMP TABLE vocabulary (field VARCHAR, source_word VARCHAR, term VARCHAR);
-- person_no numbers the patient keys in their order. Comparing and sorting it is faster than 32 characters.
CREATE OR REPLACE TEMP TABLE person (
    patient_id VARCHAR, alias_key VARCHAR, patient_key VARCHAR, person_no INTEGER, shift INTEGER
);
CREATE OR REPLACE TEMP TABLE study_number (study_id VARCHAR, study_key VARCHAR);
-- Words that are on no list, of tables that unlisted.sql does not read itself.
CREATE OR REPLACE TEMP TABLE unlisted (table_name VARCHAR, reason VARCHAR, word VARCHAR, rows BIGINT);
DELETE FROM conflict;
DELETE FROM quarantine;
DELETE FROM staging_count;
DELETE FROM contact_word;
DELETE FROM unlisted_word;
DELETE FROM staging;
INSERT INTO staging VALUES ($adapter, $dates, $key_id, $calendar);
