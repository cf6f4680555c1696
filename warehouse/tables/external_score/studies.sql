-- Every study of the records, with its fold in the cross-validation; NULL for a study outside it.
SELECT study.study_key, CASE WHEN cohort.fold >= 0 THEN cohort.fold END AS fold
FROM study
LEFT JOIN cohort USING (study_key);
