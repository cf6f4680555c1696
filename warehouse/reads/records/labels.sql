-- Every study with its label or the reason why it has none, and its follow-up.
SELECT study.study_key, label, reason, days, event
FROM study
LEFT JOIN outcome USING (study_key)
