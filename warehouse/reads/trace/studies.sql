-- What is known of $studies: the patient, the role and fold (null: not followed), the label, and whether figures are about it.
SELECT study.study_key, study.patient_key, followed.role, followed.fold, followed.label, followed.headline
FROM study
LEFT JOIN followed USING (study_key)
WHERE list_contains($studies, study.study_key)
ORDER BY study.study_key;
