-- How many studies are beyond what the champion's development cohort holds: all of them (''), and by what; a study may be
-- beyond by several.
SELECT name, count(*) AS studies
FROM (
    SELECT unnest(list_prepend('', string_split(beyond, ', '))) AS name
    FROM risk_score
    WHERE beyond <> ''
)
GROUP BY name
ORDER BY studies DESC, name;
