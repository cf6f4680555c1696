-- The champion's risks of $studies.
SELECT study_key, champion, model, risk, beyond
FROM risk_score
WHERE study_key IN (SELECT unnest($studies::VARCHAR[]))
ORDER BY ALL;
