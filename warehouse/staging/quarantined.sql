-- Counts the quarantined patients by reason.
INSERT INTO conflict
SELECT 'patient', reason, count(*), 'quarantined', min(patient_key)
FROM quarantine
GROUP BY reason
ORDER BY reason;
