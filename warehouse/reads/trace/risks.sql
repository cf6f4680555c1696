-- The champion's risks of $studies.
SELECT study_key, champion, model, risk FROM risk_score WHERE list_contains($studies, study_key) ORDER BY ALL;
