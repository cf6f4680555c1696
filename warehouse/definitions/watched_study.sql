-- The studies of the two periods that the watch compares: those whose window of outcome is not over at the end of the data
-- (the latest, one horizon of them), and those before. It tells no date. A study of which the records contradict each
-- other is in neither.
CREATE OR REPLACE TEMP VIEW watched_study AS
SELECT study_key, patient_key, coalesce(reason, '') = 'EXCL_INCOMPLETE_WINDOW' AS is_recent
FROM outcome
WHERE reason IS NULL
    OR reason IN (
        'EXCL_INCOMPLETE_WINDOW', 'EXCL_DEATH_DATE_UNCERTAIN', 'EXCL_NO_FOLLOWUP', 'EXCL_FOLLOWUP_BEFORE_STUDY',
        'EXCL_CENSORED_LT_1Y'
    );
