-- Echocardiograms; every study of this contract is an ultrasound.
SELECT study_id, patient_id, study_at, setting, 'US' AS modality
FROM raw_study
