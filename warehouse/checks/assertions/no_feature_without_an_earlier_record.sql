-- asset: clinical_features
-- also: study, measurement, diagnosis
-- never: A feature of a variable that was only known later.
-- Features that no record of the patient from the study's day or before can stand behind, found out from the records
-- themselves and not from how the features were made: a variable that is only ever known later is empty. A group of
-- diagnoses needs a code of its own in ICD-10-CM, or any in ICD-9-CM, whose map is not asked.
WITH known AS (
    SELECT study.patient_key, CAST(study.study_at AS DATE) AS study_date, variable
    FROM (UNPIVOT feature ON COLUMNS(* EXCLUDE (study_key, age, sex)) INTO NAME variable VALUE value)
    JOIN study USING (study_key)
    WHERE value <> 0 OR NOT starts_with(variable, 'dx_')
),
first_measured AS (
    SELECT patient_key, variable, min(CAST(measured_at AS DATE)) AS first_date FROM measurement GROUP BY ALL
),
first_diagnosed AS (
    SELECT patient_key, variable, min(CAST(recorded_at AS DATE)) AS first_date
    FROM diagnosis
    JOIN feature_group ON left(code, 3) BETWEEN code_from AND code_to
    WHERE vocabulary = 'ICD10CM'
    GROUP BY ALL
),
first_of_old AS (
    SELECT patient_key, min(CAST(recorded_at AS DATE)) AS first_date
    FROM diagnosis
    WHERE vocabulary = 'ICD9CM'
    GROUP BY patient_key
)
SELECT count(*) AS offending
FROM known
LEFT JOIN first_measured USING (patient_key, variable)
LEFT JOIN first_diagnosed USING (patient_key, variable)
LEFT JOIN first_of_old USING (patient_key)
WHERE coalesce(
    CASE
        WHEN starts_with(variable, 'dx_') THEN least(first_diagnosed.first_date, first_of_old.first_date)
        ELSE first_measured.first_date
    END > study_date,
    true
)
