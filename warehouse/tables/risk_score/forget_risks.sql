-- Deletes the risks of some studies.
DELETE FROM risk_score WHERE list_contains($studies, study_key);
