-- Subjects with their race, to which an ethnicity is added, and the number of races; of several none is used.
WITH said AS (
    SELECT
        subject_id,
        starts_with(upper(code), 'RACE') AS is_race,
        coalesce(nullif(regexp_extract(code, '^[^/]+//?(.+)$', 1), ''), words) AS written,
        -- Extracts of OMOP have the codes of its vocabulary Race (5.01 is below 5).
        CASE
            WHEN is_race AND regexp_full_match(written, '[1-5](\.\d+)?')
                THEN ['american indian', 'asian', 'black', 'pacific', 'white'][CAST(left(written, 1) AS INTEGER)]
            ELSE written
        END AS race
    FROM made_event
    WHERE role = 'race'
)
SELECT
    subject_id,
    count(DISTINCT race_of(race)) FILTER (is_race) AS races,
    if(races > 1, NULL, string_agg(DISTINCT race, ', ' ORDER BY race)) AS race
FROM said
WHERE race_of(race) IS NOT NULL
GROUP BY subject_id
