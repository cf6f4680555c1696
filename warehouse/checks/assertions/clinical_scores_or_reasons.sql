-- asset: clinical_scores
-- also: study
-- never: A study without a score or a reason.
-- Pairs of study and score that do not have exactly one row, with either a value or the reason for a missing value.
SELECT count(*) AS offending
FROM (
    SELECT study.study_key, score.name, count(clinical_score.study_key) AS rows,
        count(*) FILTER ((value IS NULL OR logit IS NULL) AND reason IS NULL) AS unexplained
    FROM study
    CROSS JOIN (SELECT DISTINCT score AS name FROM clinical_score) AS score
    LEFT JOIN clinical_score ON clinical_score.study_key = study.study_key AND clinical_score.score = score.name
    GROUP BY ALL
)
WHERE rows <> 1 OR unexplained > 0
