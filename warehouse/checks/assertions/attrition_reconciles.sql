-- asset: cohort
-- also: outcomes, study
-- never: A study lost between two steps.
-- Studies lost or counted twice between two steps of the attrition table.
SELECT
    abs((SELECT count(*) FROM study) - (SELECT count(*) FROM outcome))
    + abs(
        (SELECT sum(studies) FROM attrition WHERE step = 0)
        - (SELECT coalesce(sum(studies), 0) FROM attrition WHERE step BETWEEN 1 AND 20)
    )
    + CASE
        WHEN NOT EXISTS (FROM attrition WHERE step = 30) THEN 0
        ELSE abs(
            (SELECT sum(studies) FROM attrition WHERE step = 20)
            - (SELECT sum(studies) FROM attrition WHERE step BETWEEN 21 AND 30)
        )
        + abs(
            (SELECT sum(studies) FROM attrition WHERE step = 30)
            - (SELECT sum(studies) FROM attrition WHERE step BETWEEN 31 AND 33)
        )
        + abs((SELECT sum(studies) FROM attrition WHERE step = 30) - (SELECT count(*) FROM cohort))
    END AS offending
