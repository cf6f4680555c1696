-- The concepts of conditions with their codes, of which the codes above are asked (hierarchy/above.sql); a concept is a long
-- text, so its digest is the term.
SELECT md5(concept) AS term, vocabulary || '//' || code AS key, vocabulary, code
FROM made_condition_coding
