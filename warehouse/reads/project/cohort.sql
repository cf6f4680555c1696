-- The followed studies of patients with role $role (null: of all), those without a label too.
SELECT study_key, patient_key, role, fold, headline, followed_headline, label, days, event
FROM followed
WHERE $role IS NULL OR role = $role
ORDER BY patient_key, study_key;
