-- The scores of the labelled studies by the views' models and the health-record model $ehr_model: one row for each study
-- and model, with the study's patient, fold and label.
SELECT cohort.study_key, cohort.patient_key, cohort.fold, cohort.label, score.model, score.logit, score.without
FROM cohort
LEFT JOIN score ON score.study_key = cohort.study_key AND (score.view IS NOT NULL OR score.model = $ehr_model)
ORDER BY cohort.study_key, score.model;
