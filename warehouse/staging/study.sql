-- Studies. One whose date can't be read stays, without a date, so that the attrition table counts it.
CREATE OR REPLACE TEMP TABLE judged_study AS
WITH said AS (
    SELECT
        as_text(study_id) AS study_id,
        as_text(patient_id) AS patient_id,
        as_moment(study_at) AS moment,
        moment_fault(study_at, moment) AS fault,
        lower(as_text(setting)) AS setting,
        as_text(modality) AS modality,
        TRY_CAST(as_text(study_year) AS INTEGER) AS said_year
    FROM source_study
),
keyed AS (
    SELECT
        study_key,
        patient_key,
        study_id,
        patient_id,
        CASE WHEN fault IS NULL THEN moment - to_days(shift) END AS study_at,
        -- A source that moved its dates may still know the year.
        CASE WHEN fault IS NULL THEN coalesce(said_year, year(moment)) END AS study_year,
        setting,
        modality,
        fault
    FROM said
    LEFT JOIN echo USING (study_id)
    LEFT JOIN person USING (patient_id)
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
FROM judged_study
GROUP BY reason;

CREATE OR REPLACE TEMP TABLE nulled AS
SELECT fault AS reason, count(*) AS rows, min(patient_key) AS example
FROM judged_study
WHERE reason IS NULL AND fault IS NOT NULL
GROUP BY fault;

DELETE FROM study;
INSERT INTO study
SELECT study_key, patient_key, study_at, study_year, setting, modality
FROM judged_study
WHERE reason IS NULL
ORDER BY patient_key, study_at, study_key;

INSERT INTO quarantine
SELECT DISTINCT patient_key, 'STUDY_BEFORE_BIRTH'
FROM study
JOIN patient USING (patient_key)
WHERE CAST(study_at AS DATE) < birth_date;

CREATE OR REPLACE TEMP TABLE known_study AS
SELECT study_id, study_key, patient_key, study_at, CAST(row_number() OVER () AS INTEGER) AS study_no
FROM study
JOIN echo USING (study_key);
