-- Every kept risk with its seal, in the order of the risks; a missing side is NULL.
SELECT
    coalesce(prospective_risk.number, prospective_seal.number) AS number,
    prospective_risk.number IS NOT NULL AS is_kept,
    digest,
    study_key, patient_key, champion, model, clips, logit, risk, in_development
FROM prospective_risk
FULL JOIN prospective_seal ON prospective_seal.number = prospective_risk.number
WHERE $after IS NULL OR coalesce(prospective_risk.number, prospective_seal.number) > $after
ORDER BY 1;
