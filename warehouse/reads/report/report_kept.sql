-- Each patient's first risk that was kept before its outcome was known, with the outcome now, and the groups by which it is
-- judged; of patients from whom no model had learnt then. `followed_study` comes from definitions/followed_study.sql.
WITH known AS (
    SELECT prospective_risk.study_key, prospective_risk.number, prospective_risk.risk, outcome.label
    FROM prospective_risk
    JOIN outcome USING (study_key)
    WHERE outcome.label IS NOT NULL AND NOT prospective_risk.in_development
    QUALIFY row_number() OVER (PARTITION BY prospective_risk.patient_key ORDER BY prospective_risk.number) = 1
)
SELECT
    known.risk,
    known.label,
    followed_study.vendor,
    followed_study.site,
    (followed_study.study_year // 5 * 5) || ' to ' || (followed_study.study_year // 5 * 5 + 4) AS year
FROM known
JOIN followed_study USING (study_key)
ORDER BY known.number;
