-- asset: cohort
-- also: outcomes
-- never: A study that is censored and labelled at once, or a patient of two roles or folds because of a censored study.
-- Censored studies with a label or in the cohort, those that are there twice, patients in more than one fold or role, and
-- patients without exactly one study for the figures that allow for censoring.
SELECT
    (SELECT count(*) FROM censored JOIN outcome USING (study_key) WHERE outcome.label IS NOT NULL)
    + (SELECT count(*) - count(DISTINCT study_key) FROM followed)
    + (
        SELECT count(*)
        FROM (
            SELECT patient_key
            FROM followed
            GROUP BY patient_key
            HAVING count(DISTINCT (role, fold)) > 1 OR count_if(followed_headline) <> 1
        )
    ) AS offending
