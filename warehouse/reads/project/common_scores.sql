-- The out-of-fold scores of two models on the studies that both scored, one a patient.
SELECT followed.label, one.logit AS one, other.logit AS other
FROM score AS one
JOIN score AS other USING (study_key)
JOIN followed USING (study_key)
WHERE one.model = $one AND other.model = $other AND followed.headline AND followed.role = 'development'
    AND followed.label IS NOT NULL AND one.logit IS NOT NULL AND other.logit IS NOT NULL
ORDER BY study_key;
