-- What is known of $studies: the patient, the role and fold (null: not followed), the label, and whether figures are about it.
SELECT study.study_key, study.patient_key, followed.role, followed.fold, followed.label, followed.headline
FROM study
LEFT JOIN followed USING (study_key)
WHERE study.study_key IN (SELECT unnest($studies::VARCHAR[]))
ORDER BY study.study_key;
