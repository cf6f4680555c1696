-- Echocardiograms; every study of this contract is an ultrasound.
SELECT study_id, patient_id, study_at, setting, 'US' AS modality, NULL AS study_year
FROM raw_study
