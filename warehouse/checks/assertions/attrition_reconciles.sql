-- asset: cohort
-- also: outcomes, study
-- never: A study lost between two steps.
-- Studies lost or counted twice between two totals of the attrition table. Each total (STUDIES, LABELLED, COHORT) must be
-- the sum of the steps after it, up to and with the next total.
WITH total AS (
    SELECT reason, studies, step, lead(step, 1, 2147483647) OVER (ORDER BY step) AS next_step
    FROM attrition
    WHERE reason IN ('STUDIES', 'LABELLED', 'COHORT')
),
lost AS (
    SELECT abs(any_value(total.studies) - coalesce(sum(attrition.studies), 0)) AS studies
    FROM total
    LEFT JOIN attrition ON attrition.step > total.step AND attrition.step <= total.next_step
    -- Without a cohort yet, nothing follows LABELLED.
    WHERE total.reason <> 'LABELLED' OR EXISTS (FROM attrition WHERE reason = 'COHORT')
    GROUP BY total.reason
)
SELECT
    abs((SELECT count(*) FROM study) - (SELECT count(*) FROM outcome))
    + (SELECT sum(studies) FROM lost)
    + coalesce(
        (SELECT abs(studies - (SELECT count(*) FROM cohort)) FROM attrition WHERE reason = 'COHORT'), 0
    ) AS offending
