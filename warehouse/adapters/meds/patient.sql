-- Subjects. Several births or sexes are passed on, so that staging finds the contradiction.
WITH subject AS (
    SELECT DISTINCT as_whole(subject_id) AS subject_id FROM raw_data
),
birth AS (
    SELECT DISTINCT subject_id, CAST(happened_at AS VARCHAR) AS birth_date FROM made_event WHERE role = 'birth'
),
sex AS (
    SELECT DISTINCT subject_id, coalesce(target, words) AS sex FROM made_event WHERE role = 'sex'
)
SELECT subject_id AS patient_id, birth_date, sex, race
FROM subject
LEFT JOIN birth USING (subject_id)
LEFT JOIN sex USING (subject_id)
LEFT JOIN made_race USING (subject_id)
