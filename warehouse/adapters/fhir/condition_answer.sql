-- The variables to which a concept of a condition is an answer (NYHA class III), and whether that stays true after its end:
-- who smoked once has smoked.
SELECT DISTINCT concept, variable, value, variable = 'smoking' AND value = '1' AS stays_true
FROM made_condition_coding
JOIN map_answers USING (vocabulary, code)
WHERE NOT ends_with(variable, '_grade')
