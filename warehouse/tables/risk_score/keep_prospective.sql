-- Adds the risks of $studies whose outcome is not known to those that are kept for ever, in the order of their keys; not a
-- risk that the same champion gave already, nor one that was withheld.
INSERT INTO prospective_risk (study_key, patient_key, champion, model, clips, logit, risk, in_development)
SELECT
    risk_score.study_key, study.patient_key, risk_score.champion, risk_score.model, risk_score.clips,
    risk_score.logit, risk_score.risk, risk_score.in_development
FROM risk_score
JOIN study USING (study_key)
LEFT JOIN outcome ON outcome.study_key = risk_score.study_key
WHERE list_contains($studies, risk_score.study_key)
    AND outcome.label IS NULL
    AND risk_score.risk IS NOT NULL
    AND NOT EXISTS (
        SELECT 1
        FROM prospective_risk AS kept
        WHERE kept.study_key = risk_score.study_key
            AND kept.champion = risk_score.champion
            AND kept.model = risk_score.model
            AND kept.risk = risk_score.risk
    )
ORDER BY risk_score.study_key;
