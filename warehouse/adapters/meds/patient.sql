-- Subjects. Several births or sexes are passed on, so that staging finds the contradiction; of several races none is used, and
-- an ethnicity is added to the race.
WITH subject AS (
    SELECT DISTINCT as_whole(subject_id) AS subject_id FROM raw_data
),
birth AS (
    SELECT DISTINCT subject_id, CAST(happened_at AS VARCHAR) AS birth_date FROM made_event WHERE role = 'birth'
),
sex AS (
    SELECT DISTINCT subject_id, target AS sex FROM made_event WHERE role = 'sex'
),
said AS (
    SELECT
        subject_id,
        starts_with(upper(code), 'RACE') AS is_race,
        coalesce(regexp_extract(code, '^[^/]+//?(.+)$', 1), words) AS written,
        -- Extracts of OMOP have the codes of its vocabulary Race (5.01 is below 5).
        CASE
            WHEN is_race AND regexp_full_match(written, '[1-5](\.\d+)?')
                THEN ['american indian', 'asian', 'black', 'pacific', 'white'][CAST(left(written, 1) AS INTEGER)]
            ELSE written
        END AS race
    FROM made_event
    WHERE role = 'race'
),
race AS (
    SELECT subject_id, string_agg(DISTINCT race, ', ' ORDER BY race) AS race
    FROM said
    WHERE race_of(race) IS NOT NULL
    GROUP BY subject_id
    HAVING count(DISTINCT race_of(race)) FILTER (is_race) <= 1
)
SELECT subject_id AS patient_id, birth_date, sex, race
FROM subject
LEFT JOIN birth USING (subject_id)
LEFT JOIN sex USING (subject_id)
LEFT JOIN race USING (subject_id)
