-- Each patient's first risk that was made before its outcome was known and whose outcome is known now, in the order in which
-- outcomes became known to the watch; of patients from whom no model learnt.
WITH judged AS (
    SELECT prospective_risk.number, prospective_risk.patient_key, prospective_risk.risk, outcome.label, matured_risk.position
    FROM prospective_risk
    JOIN outcome USING (study_key)
    LEFT JOIN matured_risk USING (number)
    WHERE outcome.label IS NOT NULL AND NOT prospective_risk.in_development
    QUALIFY row_number() OVER (PARTITION BY prospective_risk.patient_key ORDER BY prospective_risk.number) = 1
)
SELECT number, risk, label
FROM judged
ORDER BY position NULLS LAST, number;
