-- The labelled studies of the cross-validation with the columns by which the evaluation forms subsets.
WITH heart_failure AS (
    SELECT patient_key, min(recorded_at) AS first_recorded_at
    FROM diagnosis
    WHERE is_heart_failure(vocabulary, code)
    GROUP BY patient_key
)

SELECT
    cohort.study_key,
    cohort.patient_key,
    cohort.fold,
    cohort.label,
    cohort.days,
    cohort.event,
    cohort.headline,
    CASE patient.sex WHEN 'F' THEN 'female' WHEN 'M' THEN 'male' END AS sex,
    CASE
        WHEN feature.age < 50 THEN 'under 50'
        WHEN feature.age < 65 THEN '50 to 64'
        WHEN feature.age < 80 THEN '65 to 79'
        WHEN feature.age >= 80 THEN '80 and over'
    END AS age,
    CASE WHEN feature.lvef < 40 THEN 'under 40 %' WHEN feature.lvef < 50 THEN '40 to 49 %' WHEN feature.lvef >= 50 THEN '50 % and over' END AS lvef,
    CASE WHEN heart_failure.first_recorded_at <= study.study_at THEN 'yes' ELSE 'no' END AS heart_failure,
    study.setting,
    patient.race
FROM cohort
JOIN study USING (study_key)
JOIN patient ON patient.patient_key = cohort.patient_key
LEFT JOIN feature USING (study_key)
LEFT JOIN heart_failure ON heart_failure.patient_key = cohort.patient_key
WHERE cohort.role = 'development'
ORDER BY cohort.study_key;
