-- The ICD codes of each concept of a condition, and how they were found (found_by): its own (source), else those to which the
-- site's code_map takes its other codes (map), else those of hierarchy/diagnosis_code.sql and of the common map. `several`
-- has no code: none is used. A concept of which nothing is known is not here.
WITH found AS (
    SELECT concept, vocabulary, code, 'source' AS found_by, 1 AS rank
    FROM made_condition_coding
    WHERE vocabulary IN ('ICD10CM', 'ICD10', 'ICD9CM')
    UNION ALL
    SELECT concept, split_part(target, '//', 1), split_part(target, '//', 2), 'map', 1 + priority
    FROM made_condition_coding AS coding
    JOIN made_coded AS coded
        ON coded.code = coding.code AND (coded.vocabulary IS NULL OR coded.vocabulary = coding.vocabulary)
    WHERE starts_with(target, 'ICD')
    UNION ALL
    SELECT concept, split_part(target, '//', 1), split_part(target, '//', 2), found_by, if(found_by = 'several', 4, 3)
    FROM made_diagnosis_code
    JOIN (SELECT DISTINCT concept FROM made_condition_coding) ON md5(concept) = term
)
SELECT DISTINCT concept, vocabulary, code, found_by
FROM found
QUALIFY rank = min(rank) OVER (PARTITION BY concept)
