-- The studies of patients that models are trained on, labelled or censored, with their follow-up; `followed_headline` is the
-- one study a patient that is judged where censoring is allowed for.
SELECT study_key, patient_key, fold, coalesce(label, -1) AS label, days, event, followed_headline
FROM followed
WHERE role = 'development'
ORDER BY study_key;
