-- Whether each patient's dates were moved by the source.
SELECT bool_or(calendar = 'own')
FROM staging
