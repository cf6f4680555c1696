-- Categories of diagnosis codes in no diagnosis group of the catalogue (`feature_group`), the most frequent first.
SELECT vocabulary, left(code, 3) AS category, count(*) AS rows
FROM diagnosis
WHERE vocabulary = 'ICD10CM' AND NOT EXISTS (FROM feature_group WHERE left(code, 3) BETWEEN code_from AND code_to)
GROUP BY ALL
ORDER BY rows DESC, category
