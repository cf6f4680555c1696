-- The scores of the labelled studies, one row a study and model, with what the stack needs to know of the study.
SELECT cohort.study_key, cohort.patient_key, cohort.fold, cohort.label, score.model, score.logit
FROM cohort
LEFT JOIN score ON score.study_key = cohort.study_key AND (starts_with(score.model, 'view:') OR score.model = 'ehr')
ORDER BY cohort.study_key, score.model;
