-- Scores of the headline studies with their labels, without keys; those of external models too.
SELECT scored.model, scored.view, scored.logit, scored.without, cohort.label, cohort.fold, cohort.days, cohort.event
FROM (
    SELECT study_key, model, view, logit, without FROM score
    UNION ALL
    SELECT study_key, model, NULL, logit, NULL FROM external_score
) AS scored
JOIN cohort USING (study_key)
WHERE cohort.headline AND cohort.role = 'development'
ORDER BY scored.model, scored.study_key;
