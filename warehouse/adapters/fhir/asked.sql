-- The concepts of conditions (term) with their codes, of which the codes above are asked (hierarchy/above.sql).
SELECT concept AS term, vocabulary || '//' || code AS key, vocabulary, code
FROM made_condition_coding
