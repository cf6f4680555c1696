-- The parent codes of each code. The data set does not say whether a parent is broader or what a local code stands for.
SELECT DISTINCT lower.key AS child, upper.key, upper.vocabulary, upper.code, 'either' AS relation
FROM made_parent_code AS described
JOIN made_code_name AS lower ON lower.name = described.code
JOIN made_code_name AS upper ON upper.name = described.parent
WHERE lower.key <> upper.key
