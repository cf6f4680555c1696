-- The labelled studies that models are trained on, in a fixed order; `headline` is the one study a patient that is judged.
SELECT study_key, patient_key, fold, label, headline
FROM cohort
WHERE role = 'development'
ORDER BY study_key;
