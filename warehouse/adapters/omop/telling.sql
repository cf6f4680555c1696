-- The concepts that are an answer themselves (NYHA class III, ex-smoker), with what they say, and whether that stays true after
-- the end of a condition: who smoked once has smoked.
SELECT
    concept_id,
    substr(kind, 8) AS variable,
    target AS value,
    variable = 'smoking' AND value = '1' AS stays_true
FROM made_known_concept
WHERE starts_with(kind, 'answer ') AND NOT ends_with(kind, '_grade')
