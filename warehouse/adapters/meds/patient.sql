-- Subjects. Several births or sexes are passed on, so that staging finds the contradiction; of several races none is used.
WITH subject AS (
    SELECT DISTINCT as_whole(subject_id) AS subject_id FROM raw_data
),
birth AS (
    SELECT DISTINCT subject_id, CAST(happened_at AS VARCHAR) AS birth_date FROM made_event WHERE role = 'birth'
),
sex AS (
    SELECT DISTINCT subject_id, target AS sex FROM made_event WHERE role = 'sex'
),
race AS (
    SELECT subject_id, min(race) AS race
    FROM (
        SELECT subject_id, coalesce(regexp_extract(code, '^[^/]+//?(.+)$', 1), words) AS race
        FROM made_event
        WHERE role = 'race'
    )
    WHERE NOT regexp_matches(upper(race), 'UNKNOWN|UNABLE|DECLINED')
    GROUP BY subject_id
    HAVING count(DISTINCT race) = 1
)
SELECT subject_id AS patient_id, birth_date, sex, race
FROM subject
LEFT JOIN birth USING (subject_id)
LEFT JOIN sex USING (subject_id)
LEFT JOIN race USING (subject_id)
