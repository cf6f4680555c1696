-- Whether the source moved each patient's dates by another offset.
SELECT bool_or(calendar = 'own')
FROM staging
