-- The labelled and censored studies of patients with one of $roles, with the columns by which the evaluation forms
-- subsets; those that are censored have no label.
WITH heart_failure AS (
    SELECT patient_key, min(recorded_at) AS first_recorded_at
    FROM diagnosis
    WHERE is_heart_failure(vocabulary, code)
    GROUP BY patient_key
)

SELECT
    followed.study_key,
    followed.patient_key,
    followed.fold,
    followed.label,
    followed.days,
    followed.event,
    followed.headline,
    followed.followed_headline,
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
FROM followed
JOIN study USING (study_key)
JOIN patient ON patient.patient_key = followed.patient_key
LEFT JOIN feature USING (study_key)
LEFT JOIN heart_failure ON heart_failure.patient_key = followed.patient_key
WHERE list_contains($roles, followed.role)
ORDER BY followed.study_key;
