-- asset: clinical_features
-- also: study, measurement, diagnosis
-- never: A feature of a variable that was only known later.
-- Features for which the patient has no record before the study, and none measured in it. This check reads the records
-- themselves, not how the features were built: a variable that is only known later must be empty. A record without a time of
-- day (midnight) is known from the next day on, unless features.same_day takes it as earlier. A value measured in another
-- study is known at that study. A group of diagnoses needs one of its ICD-10-CM codes, or any ICD-9-CM code (the map of
-- ICD-9-CM codes to groups is not read here). A variable of table feature_outside, whose nearest value may be later, needs a
-- record within the days that the table holds, before or after.
WITH known AS (
    SELECT
        study_key,
        study.patient_key,
        CASE
            WHEN same_day = 'before' AND study_at = date_trunc('day', study_at) THEN study_at + INTERVAL 86399 SECOND
            ELSE study_at
        END AS study_at,
        CAST(study_at AS DATE) AS study_date,
        variable
    FROM (UNPIVOT feature ON COLUMNS(* EXCLUDE (study_key, age, sex)) INTO NAME variable VALUE value)
    JOIN study USING (study_key)
    CROSS JOIN feature_rule
    WHERE value <> 0 OR NOT starts_with(variable, 'dx_')
),
record AS (
    SELECT
        measurement.patient_key,
        variable,
        CASE WHEN CAST(measured_at AS DATE) = CAST(study_at AS DATE) THEN study_at ELSE measured_at END AS recorded_at
    FROM measurement
    LEFT JOIN study USING (study_key)
    UNION ALL
    SELECT patient_key, variable, recorded_at
    FROM diagnosis
    JOIN feature_group ON left(code, 3) BETWEEN code_from AND code_to
    WHERE vocabulary = 'ICD10CM'
    UNION ALL
    SELECT patient_key, 'any ICD-9-CM', recorded_at
    FROM diagnosis
    WHERE vocabulary = 'ICD9CM'
),
first_record AS (
    SELECT
        patient_key,
        variable,
        min(
            CASE
                WHEN same_day <> 'before' AND recorded_at = date_trunc('day', recorded_at) THEN recorded_at + INTERVAL 1 DAY
                ELSE recorded_at
            END
        ) AS first_at
    FROM record
    CROSS JOIN feature_rule
    GROUP BY ALL
),
measured_in_study AS (
    SELECT DISTINCT study_key, variable
    FROM measurement
    JOIN study USING (study_key)
    WHERE CAST(measured_at AS DATE) <= CAST(study_at AS DATE)
),
measured_near AS (
    SELECT DISTINCT known.study_key, variable
    FROM known
    JOIN feature_outside USING (variable)
    JOIN measurement USING (patient_key, variable)
    WHERE abs(CAST(measured_at AS DATE) - study_date) <= feature_outside.days
)
SELECT count(*) AS offending
FROM known
LEFT JOIN first_record USING (patient_key, variable)
LEFT JOIN first_record AS icd9 ON icd9.patient_key = known.patient_key
    AND icd9.variable = 'any ICD-9-CM'
    AND starts_with(known.variable, 'dx_')
LEFT JOIN measured_in_study USING (study_key, variable)
LEFT JOIN feature_outside USING (variable)
LEFT JOIN measured_near USING (study_key, variable)
WHERE measured_in_study.study_key IS NULL
    AND CASE
        WHEN feature_outside.variable IS NULL THEN coalesce(least(first_record.first_at, icd9.first_at) > study_at, true)
        ELSE measured_near.study_key IS NULL
    END
