-- The studies of patients with one of $roles, with the columns by which the evaluation forms groups; calendar years in bands
-- of five. `followed_study` comes from definitions/followed_study.sql.
SELECT
    * EXCLUDE (role, study_year),
    (study_year // 5 * 5) || ' to ' || (study_year // 5 * 5 + 4) AS year
FROM followed_study
WHERE list_contains($roles, role)
ORDER BY study_key;
