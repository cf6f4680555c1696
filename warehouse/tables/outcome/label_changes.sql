-- What became of the labels of `former_outcome`: what happened, and to how many studies. Nothing where there was no study before.
SELECT change, count(*) AS studies
FROM (
    SELECT
        CASE
            WHEN former.study_key IS NULL THEN 'new with a label'
            WHEN former.label IS NULL THEN 'now with a label'
            WHEN outcome.study_key IS NULL THEN 'gone with their study'
            WHEN outcome.label IS NULL THEN 'without a label now'
            WHEN outcome.label > former.label THEN 'became dead'
            WHEN outcome.label < former.label THEN 'became alive'
        END AS change
    FROM outcome
    FULL JOIN former_outcome AS former ON former.study_key = outcome.study_key
    WHERE outcome.label IS NOT NULL OR former.label IS NOT NULL
)
WHERE change IS NOT NULL AND EXISTS (FROM former_outcome)
GROUP BY change
ORDER BY studies DESC, change
