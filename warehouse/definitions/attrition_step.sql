-- The steps of the attrition table in their order: the count before, the reasons that exclude, the count after, and the
-- roles of the cohort. `decided_by` is the table whose rules count the step. Numbers leave gaps for further reasons.
CREATE OR REPLACE TEMP TABLE attrition_step AS
SELECT *
FROM (
    VALUES
    (0, 'STUDIES', 'outcome'),
    (1, 'EXCL_NO_STUDY_DATE', 'outcome'),
    (2, 'EXCL_DEATH_BEFORE_STUDY', 'outcome'),
    (3, 'EXCL_CONTACT_AFTER_DEATH', 'outcome'),
    (4, 'EXCL_PATIENT_QUARANTINED', 'outcome'),
    (5, 'EXCL_DEATH_DATE_UNKNOWN', 'outcome'),
    (6, 'EXCL_INCOMPLETE_WINDOW', 'outcome'),
    (7, 'EXCL_DEATH_DATE_UNCERTAIN', 'outcome'),
    (8, 'EXCL_NO_FOLLOWUP', 'outcome'),
    (9, 'EXCL_FOLLOWUP_BEFORE_STUDY', 'outcome'),
    (10, 'EXCL_CENSORED_LT_1Y', 'outcome'),
    (20, 'LABELLED', 'outcome'),
    (21, 'EXCL_AGE', 'cohort'),
    (22, 'EXCL_BEFORE_HEART_FAILURE', 'cohort'),
    (23, 'EXCL_OTHER_STUDY', 'cohort'),
    (30, 'COHORT', 'cohort'),
    (31, 'ROLE_READER', 'cohort'),
    (32, 'ROLE_HEART_FAILURE', 'cohort'),
    (33, 'ROLE_DEVELOPMENT', 'cohort'),
    (34, 'ROLE_SEALED', 'cohort'),
    (35, 'ROLE_LATER_YEARS', 'cohort')
) AS attrition_step (step, reason, decided_by);
