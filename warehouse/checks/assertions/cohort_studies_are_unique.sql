-- asset: cohort
-- never: A study twice in the cohort.
-- Studies that are in the cohort more than once, and patients without exactly one headline study.
SELECT
    (SELECT count(*) - count(DISTINCT study_key) FROM cohort)
    + (SELECT count(*) FROM (SELECT patient_key FROM cohort GROUP BY patient_key HAVING count_if(headline) <> 1))
    AS offending
