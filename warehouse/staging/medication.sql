-- Drugs, for the classes that a clinical score uses. An end that is unreadable or before the start is taken as unknown,
-- and so is a dose that is not a number. An end that is the day of the start is that day's last moment.
CREATE OR REPLACE TEMP VIEW checked_medication AS
WITH read_row AS (
    SELECT
        patient_id,
        as_text(drug_class) AS raw_class,
        as_text(dose) AS raw_dose,
        as_text(unit) AS unit,
        started_at,
        as_moment(started_at) AS started,
        ended_at,
        as_moment(ended_at) AS end_moment
    FROM source_medication
),
ended_row AS (
    SELECT
        *,
        CASE
            WHEN end_moment < started AND end_moment = date_trunc('day', started)
                THEN end_moment + INTERVAL 1 DAY - INTERVAL 1 MICROSECOND
            ELSE end_moment
        END AS ended
    FROM read_row
),
source_row AS (
    SELECT
        patient_id,
        raw_class,
        regexp_replace(lower(raw_class), '[^a-z0-9]+', '_', 'g') AS drug_class,
        raw_dose,
        as_number(raw_dose) AS dose,
        unit,
        started,
        moment_fault(started_at, started) AS fault,
        ended,
        CASE
            WHEN as_text(ended_at) IS NULL THEN NULL
            WHEN ended IS NULL AND has_offset(ended_at) THEN 'TIME_WITH_OFFSET'
            WHEN ended IS NULL THEN 'UNREADABLE_DATE'
            WHEN is_sentinel(CAST(ended AS DATE)) THEN 'SENTINEL_DATE'
            WHEN ended < started THEN 'END_BEFORE_START'
        END AS end_fault
    FROM ended_row
)
SELECT
    person.patient_key,
    known_drug.term AS drug_class,
    source_row.raw_class,
    source_row.unit AS raw_unit,
    CASE WHEN dose BETWEEN 0 AND 1e6 THEN dose END AS dose,
    CASE WHEN unit IS NOT NULL THEN coalesce(known_dose.term, 'other') END AS unit,
    unit IS NOT NULL AND known_dose.term IS NULL AS unit_unknown,
    started - to_days(shift) AS started_at,
    CASE WHEN end_fault IS NULL THEN ended - to_days(shift) END AS ended_at,
    end_fault,
    CASE
        WHEN raw_dose IS NOT NULL AND (dose IS NULL OR NOT isfinite(dose)) THEN 'NOT_A_NUMBER'
        WHEN NOT dose BETWEEN 0 AND 1e6 THEN 'IMPLAUSIBLE_VALUE'
    END AS dose_fault,
    CASE
        WHEN source_row.patient_id IS NULL THEN 'MISSING_IDENTIFIER'
        WHEN person.patient_key IS NULL THEN 'UNKNOWN_PATIENT'
        WHEN source_row.drug_class IS NULL THEN 'MISSING_DRUG_CLASS'
        WHEN known_drug.term IS NULL THEN 'UNKNOWN_DRUG_CLASS'
        ELSE fault
    END AS reason
FROM source_row
LEFT JOIN person USING (patient_id)
LEFT JOIN (FROM vocabulary WHERE field = 'drug') AS known_drug ON known_drug.source_word = source_row.drug_class
LEFT JOIN (FROM vocabulary WHERE field = 'dose') AS known_dose ON known_dose.source_word = plain_unit(unit);

CREATE OR REPLACE TEMP TABLE reason_groups AS
SELECT reason, end_fault, dose_fault, unit_unknown, count(*) AS rows, min(patient_key) AS example
FROM checked_medication
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE tally AS
SELECT reason, CAST(sum(rows) AS BIGINT) AS rows, min(example) AS example
FROM reason_groups
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT end_fault AS reason, CAST(sum(rows) AS BIGINT) AS rows, min(example) AS example
FROM reason_groups
WHERE reason IS NULL AND end_fault IS NOT NULL
GROUP BY end_fault
UNION ALL
SELECT dose_fault, CAST(sum(rows) AS BIGINT), min(example)
FROM reason_groups
WHERE reason IS NULL AND dose_fault IS NOT NULL
GROUP BY dose_fault
UNION ALL
SELECT 'UNKNOWN_UNIT', CAST(sum(rows) AS BIGINT), min(example)
FROM reason_groups
WHERE reason IS NULL AND unit_unknown;

DELETE FROM medication;
INSERT INTO medication
SELECT DISTINCT patient_key, drug_class, dose, unit, started_at, ended_at
FROM checked_medication
WHERE reason IS NULL;
