-- asset: clinical_features
-- also: study, measurement, diagnosis
-- never: A feature of a variable that was only known later.
-- Features for which the patient has no record on the study's day or before. This check reads the records themselves, not
-- how the features were built: a variable that is only known later must be empty. A group of diagnoses needs one of its
-- ICD-10-CM codes, or any ICD-9-CM code (the map of ICD-9-CM codes to groups is not read here).
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
first_icd9 AS (
    SELECT patient_key, min(CAST(recorded_at AS DATE)) AS first_date
    FROM diagnosis
    WHERE vocabulary = 'ICD9CM'
    GROUP BY patient_key
)
SELECT count(*) AS offending
FROM known
LEFT JOIN first_measured USING (patient_key, variable)
LEFT JOIN first_diagnosed USING (patient_key, variable)
LEFT JOIN first_icd9 USING (patient_key)
WHERE coalesce(
    CASE
        WHEN starts_with(variable, 'dx_') THEN least(first_diagnosed.first_date, first_icd9.first_date)
        ELSE first_measured.first_date
    END > study_date,
    true
)
